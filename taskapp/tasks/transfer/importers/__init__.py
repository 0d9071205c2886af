"""Converts files of other products to NDJSON, one task a line: pure functions, without a database.

``conversion.convert`` is what the command calls. Each source is a module with a function ``read``, which yields
:class:`taskapp.tasks.transfer.importers.found.FoundTask`. The service loads none of them.
"""

SOURCES = ("todoist", "ticktick", "google", "microsoft", "calendar")
