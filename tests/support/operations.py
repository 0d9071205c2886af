"""Every operation of the OpenAPI document: its method and path, its name, and the statuses of its responses."""

TASKS, TASK = "/api/{user_id}/tasks", "/api/{user_id}/tasks/{task_id}"
USER = "/api/{user_id}"
STATS, TAGS, CHANGES = TASKS + "/stats", USER + "/tags", USER + "/changes"
TRASH, WRITE = USER + "/trash", CHANGES + "/{number}"
CALENDARS, CALENDAR = USER + "/calendars", USER + "/calendars/{calendar_id}"
FEED = "/calendars/{token}.ics"
WEBHOOKS, WEBHOOK = USER + "/webhooks", USER + "/webhooks/{webhook_id}"
OF_HTTP = {"400", "414", "417", "431", "500", "501"}
OF_API = OF_HTTP | {"401", "403", "413", "415", "422", "429", "503"}
OF_WRITE = OF_API | {"404", "409", "412"}
READY = OF_HTTP | {"200", "503"}
OPERATIONS = {
    ("post", TASKS): ("create_task", OF_API | {"201", "409"}),
    ("get", TASKS): ("list_tasks", OF_API | {"200", "410"}),
    ("get", TASK): ("get_task", OF_API | {"200", "304", "404"}),
    ("put", TASK): ("update_task", OF_WRITE | {"200"}),
    ("patch", TASK): ("patch_task", OF_WRITE | {"200"}),
    ("delete", TASK): ("delete_task", OF_WRITE | {"200"}),
    ("patch", TASK + "/complete"): ("complete_task", OF_WRITE | {"200"}),
    ("get", STATS): ("get_statistics", OF_API | {"200"}),
    ("get", CHANGES): ("list_changes", OF_API | {"200", "304", "410"}),
    ("get", TAGS): ("list_tags", OF_API | {"200"}),
    ("patch", TAGS): ("rename_tag", OF_API | {"200", "404", "409"}),
    ("delete", TAGS): ("remove_tag", OF_API | {"200", "404", "409"}),
    ("post", TASK + "/restore"): ("restore_task", OF_API | {"200", "404", "409"}),
    ("get", TASK + "/history"): ("get_history", OF_API | {"200", "404"}),
    ("get", TRASH): ("list_deleted", OF_API | {"200"}),
    ("get", WRITE): ("get_write", OF_API | {"200", "404"}),
    ("post", TASKS + "/bulk"): ("write_tasks", OF_API | {"200", "409"}),
    ("post", TASKS + "/import"): ("import_tasks", OF_API | {"200", "409"}),
    ("post", WRITE + "/undo"): ("undo_write", OF_API | {"200", "404", "409"}),
    ("post", CALENDARS): ("create_calendar", OF_API | {"201", "409"}),
    ("get", CALENDARS): ("list_calendars", OF_API | {"200"}),
    ("get", CALENDAR): ("get_calendar", OF_API | {"200", "404"}),
    ("patch", CALENDAR): ("update_calendar", OF_API | {"200", "404"}),
    ("delete", CALENDAR): ("delete_calendar", OF_API | {"200", "404"}),
    ("get", FEED): ("read_feed", OF_HTTP | {"200", "304", "404", "429", "503"}),
    ("post", WEBHOOKS): ("create_webhook", OF_API | {"201", "409"}),
    ("get", WEBHOOKS): ("list_webhooks", OF_API | {"200"}),
    ("get", WEBHOOK): ("get_webhook", OF_API | {"200", "404"}),
    ("patch", WEBHOOK): ("update_webhook", OF_API | {"200", "404"}),
    ("delete", WEBHOOK): ("delete_webhook", OF_API | {"200", "404"}),
    ("post", WEBHOOK + "/rotate"): ("rotate_secret", OF_API | {"200", "404"}),
    ("post", WEBHOOK + "/replay"): ("replay_webhook", OF_API | {"200", "404", "410"}),
    ("delete", USER): ("erase_user", OF_API | {"200"}),
    ("get", "/"): ("get_index", OF_HTTP | {"200"}),
    ("get", "/health/live"): ("check_live", OF_HTTP | {"200"}),
    ("get", "/health/ready"): ("check_ready", READY),
    ("get", "/health"): ("check_health", READY),
    ("get", "/metrics"): ("get_metrics", OF_HTTP | {"200", "401", "404"}),
}
