"""The tags of a user: counts, rename, removal."""
