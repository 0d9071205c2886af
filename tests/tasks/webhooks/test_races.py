"""Requests about webhooks at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from taskapp.tasks.webhooks import service
from taskapp.tasks.webhooks.errors import TooManyWebhooks
from tests.support.postgres import run_sql
from tests.support.webhooks import add, change, create, get, replay, rotate, state, webhooks_of

SLOW_INSERT = """
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$;
    CREATE TRIGGER wait BEFORE INSERT ON webhooks FOR EACH ROW EXECUTE FUNCTION wait();
"""


def at_once(new_client, user, operations):
    """Run each operation with a connection of its own, at once, and return the responses."""
    clients = [new_client(user.user_id) for _ in operations]
    barrier = Barrier(len(operations))

    def run(client, operation):
        barrier.wait()
        return operation(client)

    with ThreadPoolExecutor(len(operations)) as threads:
        return list(threads.map(run, clients, operations))


def test_of_six_at_once_five_are_created(new_client, alice):
    for _ in range(3):
        responses = at_once(new_client, alice, [create] * 6)
        assert sorted(response.status for response in responses) == [201] * 5 + [409]
        webhooks = alice.request("GET", webhooks_of(alice)).data
        assert {each["id"] for each in webhooks} == {each.data["id"] for each in responses if each.status == 201}
        for each in webhooks:
            alice.request("DELETE", webhooks_of(alice, f"/{each['id']}"))


def test_of_six_at_once_five_are_created_however_slow_they_are(make_app, new_database, via_pooler):
    """Without the user's turn, each would count the webhooks before any other one is committed."""
    url = new_database()
    run_sql(url, SLOW_INSERT)
    app = make_app(DATABASE_URL=via_pooler(url))

    def create_one(number):
        with app.app_context():
            try:
                return service.create_webhook("alice", url=f"https://hooks.example.com/{number}")
            except TooManyWebhooks:
                return None

    with ThreadPoolExecutor(6) as threads:
        created = list(threads.map(create_one, range(6)))
    assert created.count(None) == 1
    assert run_sql(url, "SELECT count(*) FROM webhooks") == [(5,)]


def test_sixth_at_once_with_deletions(new_client, alice):
    """Never more than five, whatever order they come in."""
    webhooks = [add(alice) for _ in range(5)]
    deletions = [
        lambda client, each=each: client.request("DELETE", webhooks_of(client, f"/{each['id']}"))
        for each in webhooks[:2]
    ]
    responses = at_once(new_client, alice, [create, create, create, *deletions])
    created = sum(response.status == 201 for response in responses[:3])
    assert created <= 2
    assert len(alice.request("GET", webhooks_of(alice)).data) == 3 + created


def test_rotations_at_once_leave_the_last_two_secrets(new_client, alice, database_url):
    webhook = add(alice)
    secrets = [response.data["secret"] for response in at_once(new_client, alice, [lambda c: rotate(c, webhook)] * 6)]
    assert len(set(secrets)) == 6
    row = state(database_url, webhook)
    assert row["secret"] != row["previous_secret"]
    known = {bytes.fromhex(row[name].removeprefix("\\x")) for name in ("secret", "previous_secret")}
    shown = run_sql(database_url, "SELECT decode(unnest(%s), 'base64')", [[each[6:] for each in secrets]])
    assert known <= {bytes(secret) for (secret,) in shown}


def test_new_webhook_misses_no_write_at_the_same_time(new_client, alice):
    """Its number is that of the newest change, and all that follow are behind it."""
    responses = at_once(new_client, alice, [lambda client: client.post(json={"title": "t"}), create] * 5)
    assert {response.status for response in responses} == {201}
    for webhook in alice.request("GET", webhooks_of(alice)).data:
        assert webhook["number"] + webhook["behind"] == 5


def test_replays_and_changes_at_once(new_client, alice):
    for _ in range(3):
        alice.create()
    webhook = add(alice)
    operations = [lambda client, after=after: replay(client, webhook, after) for after in range(4)]
    operations += [lambda client: change(client, webhook, enabled=False), lambda client: rotate(client, webhook)]
    responses = at_once(new_client, alice, operations)
    assert {response.status for response in responses} == {200}
    now = get(alice, webhook)
    assert (now["enabled"], now["number"] + now["behind"]) == (False, 3)
