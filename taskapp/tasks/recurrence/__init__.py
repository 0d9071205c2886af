"""Tasks that recur: the grammar of rules, their days, and what completing a task does."""
