"""Other words for the names of fields and parameters, from other task services and from frameworks.

The service does not accept them. An error about an unknown name suggests the name that it has.
"""

from types import MappingProxyType

_TIME_ZONE = ("tz", "timezone", "zone")
FIELDS = MappingProxyType(
    {
        "title": ("name", "summary", "subject", "task", "text", "content", "label", "heading"),
        "description": ("desc", "details", "notes", "note", "body", "comment", "memo"),
        "completed": ("done", "is_done", "complete", "is_complete", "is_completed", "finished", "checked", "status"),
        "priority": ("importance", "urgency", "severity", "prio"),
        "tags": ("tag", "labels", "label_ids", "categories", "category", "keywords"),
        "due_date": ("due", "due_on", "due_day", "deadline", "date", "end_date"),
        "due_time": ("time", "hour", "due_hour", "end_time"),
        "time_zone": _TIME_ZONE,
        "recurrence": (
            *("rrule", "repeat", "repeats", "repeating", "recur", "recurs", "recurring", "is_recurring", "schedule"),
            *("recurrence_rule", "repeat_rule", "rule", "frequency", "freq", "every", "due_string"),
        ),
        "reminder": (
            *("reminder_minutes", "reminder_at", "remind_at", "remind", "remind_me", "remind_me_at", "reminders"),
            *("alarm", "alarms", "alert", "alerts", "notify", "notify_at", "notification", "minutes_before"),
            *("valarm", "trigger", "reminder_date_time", "is_reminder_on", "reminder_time"),
        ),
        "uid": ("uuid", "guid", "external_id", "client_id"),
    }
)
PARAMETERS = MappingProxyType(
    {
        "q": ("search", "query", "filter", "text", "term", "keyword", "title"),
        "status": ("completed", "complete", "is_completed", "done", "state", "pending"),
        "due": ("due_date", "has_due_date", "due_at"),
        "due_from": (
            "from",
            "due_after",
            "due_since",
            "due_gte",
            "due_date_from",
            "start_date",
            "date_from",
            "due_min",
        ),
        "due_before": ("before", "to", "until", "due_to", "due_until", "due_lt", "due_date_to", "end_date", "due_max"),
        "overdue": ("is_overdue", "late", "past_due"),
        "time_zone": _TIME_ZONE,
        "priority": ("priorities", "priority_in", "importance", "urgency", "severity", "prio"),
        "tags_all": ("all_tags", "tags_and"),
        "tags_any": ("tags", "tag", "tags_in", "any_tags", "labels", "label", "category", "categories", "keywords"),
        "tags_none": ("no_tags", "tags_not", "exclude_tags", "without_tags", "not_tags"),
        "tagged": ("has_tags", "untagged", "is_tagged"),
        **{
            f"{name}_{end}": tuple(f"{name}_{word}" for word in words) + tuple(f"{name}_at_{word}" for word in words)
            for name in ("created", "updated", "completed")
            for end, words in (("from", ("after", "since", "gte", "min")), ("before", ("until", "to", "lt", "max")))
        },
        "sort": ("order", "order_by", "sort_by", "ordering", "sort_order", "direction"),
        "fields": ("select", "only", "include", "columns", "properties", "attributes"),
        "limit": ("per_page", "page_size", "size", "max", "max_results", "take", "first", "top"),
        "cursor": ("page", "offset", "skip", "after", "start", "page_token", "next", "next_cursor", "starting_after"),
        "as_of": ("at", "as_at", "snapshot", "when"),
        "count": ("total", "with_total", "with_count", "include_total", "include_count", "total_count"),
    }
)
