"""The calendars of a user: feeds of tasks that calendar applications subscribe to by a secret URL."""
