"""Tasks that repeat: the rules that a series may have, and the days of a rule."""
