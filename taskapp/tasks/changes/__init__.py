"""The log of changes: what every write records, and what clients can read from it."""
