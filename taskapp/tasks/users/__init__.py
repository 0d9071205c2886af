"""``flask users``: the data of one user, for operators."""
