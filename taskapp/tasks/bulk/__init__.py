"""Many writes in one request: a list of operations, or one operation on all tasks that match a filter."""
