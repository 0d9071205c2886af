"""The erasure of all data of a user."""
