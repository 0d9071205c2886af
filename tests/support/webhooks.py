"""Webhooks in tests: how they are made, and how their state is set as the process that delivers would."""

from tests.support.postgres import run_sql

URL = "https://hooks.example.com/tasks"
WEBHOOK = {"url": URL}
# A webhook in the middle of its tries.
FAILING = (
    "attempts = 3, upto = number + 1, failing_since = now() - interval '1 hour', last_status = 500,"
    " due_at = now() + interval '1 hour'"
)
DISABLED = f"{FAILING}, enabled = false, disabled_at = now()"
# The state of a webhook whose next delivery begins with its first try.
FROM_THE_START = {"attempts": 0, "upto": None, "failing_since": None, "due": True}
FIELDS = {
    *("id", "url", "enabled", "disabled_at", "number", "behind", "attempts", "last_status", "failing_since"),
    *("next_attempt_at", "rotated_at", "created_at"),
}


def webhooks_of(client, path=""):
    return f"{client.tasks.removesuffix('/tasks')}/webhooks{path}"


def create(client, **fields):
    """Create a webhook of a client, and return the response."""
    return client.request("POST", webhooks_of(client), json={**WEBHOOK, **fields})


def add(client, **fields):
    """Create a webhook, and return it with its secret."""
    response = create(client, **fields)
    assert response.status == 201, response.body
    return response.data


def get(client, webhook):
    """A webhook as it is now."""
    return client.request("GET", webhooks_of(client, f"/{webhook['id']}")).data


def change(client, webhook, **fields):
    """Change a webhook, and return the response."""
    return client.request("PATCH", webhooks_of(client, f"/{webhook['id']}"), json=fields)


def rotate(client, webhook, **options):
    """Rotate the secret of a webhook, and return the response."""
    return client.request("POST", webhooks_of(client, f"/{webhook['id']}/rotate"), **options)


def replay(client, webhook, after):
    """Let deliveries begin after a number, and return the response."""
    return client.request("POST", webhooks_of(client, f"/{webhook['id']}/replay"), json={"after": after})


def set_state(database_url, webhook, values=FAILING):
    """Set columns of a webhook."""
    run_sql(database_url, f"UPDATE webhooks SET {values} WHERE id = %s", [webhook["id"]])


def state(database_url, webhook):
    """The columns of a webhook as a dict, with due as whether the next try may begin."""
    statement = "SELECT to_jsonb(w) || jsonb_build_object('due', due_at <= clock_timestamp()) FROM webhooks w"
    return run_sql(database_url, f"{statement} WHERE id = %s", [webhook["id"]])[0][0]


def started(row):
    """That part of a webhook's columns which says how its next delivery begins."""
    return {name: row[name] for name in FROM_THE_START}
