"""Tasks as files: the export and the import of NDJSON and CSV."""
