"""Other words for the names of fields and parameters, from other task services and from frameworks.

The service does not accept them. An error about an unknown name suggests the name that it has.
"""

from types import MappingProxyType

FIELDS = MappingProxyType(
    {
        "title": ("name", "summary", "subject", "task", "text", "content", "label", "heading"),
        "description": ("desc", "details", "notes", "note", "body", "comment", "memo"),
        "completed": ("done", "is_done", "complete", "is_complete", "is_completed", "finished", "checked", "status"),
        "priority": ("importance", "urgency", "severity", "prio"),
        "tags": ("tag", "labels", "label_ids", "categories", "category", "keywords"),
        "due_date": ("due", "due_on", "due_day", "deadline", "date", "end_date"),
        "due_time": ("time", "hour", "due_hour", "end_time"),
        "time_zone": ("tz", "timezone", "zone"),
        "uid": ("uuid", "guid", "external_id", "client_id"),
    }
)
PARAMETERS = MappingProxyType(
    {
        "q": ("search", "query", "filter", "text", "term", "keyword", "title"),
        "status": ("completed", "complete", "is_completed", "done", "state", "pending"),
        "sort": ("order", "order_by", "sort_by", "ordering", "sort_order", "direction"),
        "limit": ("per_page", "page_size", "size", "count", "max", "max_results", "take", "first", "top"),
        "cursor": ("page", "offset", "skip", "after", "start", "page_token", "next", "next_cursor", "starting_after"),
    }
)
