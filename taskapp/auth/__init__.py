"""Authentication: the guard of every ``/api`` blueprint, and the tokens that it verifies."""
