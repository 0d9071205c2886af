"""The example front end without a network, with a bad one, and with a service that wants it to wait."""

import time
from itertools import pairwise

import pytest

from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

SAVED = "All changes saved"
TOKYO = {"due_date": "2036-11-28", "due_time": "07:00", "time_zone": "Asia/Tokyo"}


def changes(example):
    """The changes of the user's tasks, by their types."""
    return [change["type"] for change in example.client.request("GET", f"{example.client.changes}?after=0").data]


def test_queue_survives_a_reload_and_is_sent_once(example):
    example.client.create(title="Old")
    example.page.reload()
    example.wait_for_titles("Old")
    example.context.set_offline(True)
    example.wait_for_status("Offline")
    example.add("New")
    example.wait_for_toast("Added: New (not sent yet).")
    example.wait_for_status("Offline, 1 change waiting")
    example.role("button", "Edit New").click()
    example.save(title="Newer")
    example.role("checkbox", "Old").click()
    example.wait_for_status("Offline, 3 changes waiting")
    example.page.reload()
    example.wait_for_status("Offline, 3 changes waiting")
    example.wait_for_titles("Newer")
    assert example.shown() == {"Without a date": ["Newer | not saved yet"]}
    assert example.saved_titles() == ["Old"]

    example.context.set_offline(False)
    example.wait_for_status(SAVED)
    assert example.shown() == {"Without a date": ["Newer"]}
    assert example.saved_titles() == ["Newer", "Old"]
    assert changes(example) == ["created", "created", "updated", "updated"]


def test_undo_without_a_network_takes_back_what_waits(example):
    example.client.create(title="kept")
    example.page.reload()
    example.wait_for_titles("kept")
    example.context.set_offline(True)
    example.role("button", "Delete kept").click()
    example.wait_for_titles()
    example.role("button", "Undo").click()
    example.wait_for_titles("kept")
    example.wait_for_status("Offline")
    example.context.set_offline(False)
    example.wait_for_status(SAVED)
    assert changes(example) == ["created"]


def test_undo_without_a_network_of_what_was_sent(example):
    example.client.create(title="kept")
    example.page.reload()
    example.role("button", "Delete kept").click()
    example.wait_for_toast("Deleted: kept.")
    example.context.set_offline(True)
    example.role("button", "Undo").click()
    example.wait_for_titles("kept")
    example.wait_for_status("Offline, 1 change waiting")
    example.context.set_offline(False)
    example.wait_for_status(SAVED)
    assert changes(example) == ["created", "deleted", "created"]
    assert example.titles() == ["kept"]


def test_lost_response_makes_no_second_task(example):
    """The service gets the request, and the page does not get the response."""
    keys = []

    def lose(route):
        if route.request.method != "POST":
            route.fallback()
            return
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            assert route.fetch().status == 201
            route.abort("connectionreset")
        else:
            route.fallback()

    example.page.route("**/api/**", lose)
    example.add("Once")
    example.wait_for_status("Offline, 1 change waiting")
    assert example.saved_titles() == ["Once"]
    example.wait_for_status(SAVED)
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert example.saved_titles() == ["Once"]
    assert changes(example) == ["created"]


def test_what_the_service_refuses_is_kept_to_be_mended(example):
    example.context.set_offline(True)
    example.add("Late", due_date="2026-11-28", repeats="Every weekday")
    example.role("checkbox", "Late").click()
    example.add("Fine")
    example.wait_for_status("Offline, 3 changes waiting")
    # Somebody is writing the next task when the network is back.
    example.page.locator("#add [name=title]").fill("The next")
    example.context.set_offline(False)
    attention = example.role("region", "Not accepted")
    attention.wait_for()
    assert "2026-11-28 is a Saturday" in attention.inner_text()
    wait_until(lambda: example.saved_titles() == ["Fine"], "the other task does not arrive")
    example.page.reload()
    example.role("button", "Fix Late").click()
    assert example.focused() == "Repeats"
    assert "2026-11-28 is a Saturday" in example.dialog().locator(".error").inner_text()
    assert example.dialog().get_by_label("Title").input_value() == "Late"
    example.save(repeats="Every week")
    example.wait_for_status(SAVED)
    assert not attention.is_visible()
    done = {task["title"]: task["completed"] for task in example.client.get("?status=completed").data}
    assert done == {"Late": True}


def test_what_is_refused_can_be_discarded(example):
    example.context.set_offline(True)
    example.add("x" * 256)
    example.page.locator("#add [name=title]").fill("The next")
    example.context.set_offline(False)
    discard = example.role("button", f"Discard {'x' * 256}")
    discard.focus()
    example.page.evaluate("dispatchEvent(new Event('online'))")  # Asks for changes, and shows the list again.
    example.page.wait_for_timeout(1000)
    assert example.focused() == f"Discard {'x' * 256}"
    discard.press("Enter")
    assert example.focused() == "Title"
    assert example.titles() == []
    assert example.page.locator("#add [name=title]").input_value() == "The next"
    assert example.saved_titles() == []


def test_change_of_a_task_that_is_gone_can_be_added_again(example):
    task = example.client.create(title="Gone", priority="high", **TOKYO)
    example.page.reload()
    example.wait_for_titles("Gone")
    example.context.set_offline(True)
    example.role("button", "Edit Gone").click()
    example.save(notes="Long thoughts")
    example.client.delete(f"/{task['id']}")
    example.context.set_offline(False)
    example.role("button", "Fix Gone").wait_for()
    assert example.titles() == ["Gone"]
    example.role("button", "Fix Gone").click()
    assert example.dialog().get_by_label("Notes").input_value() == "Long thoughts"
    example.save()
    example.wait_for_status(SAVED)
    (again,) = example.client.get().data
    assert (again["title"], again["description"], again["priority"]) == ("Gone", "Long thoughts", "high")
    assert again.items() >= TOKYO.items()


def test_deletion_of_a_task_that_is_gone_needs_nobody(example):
    task = example.client.create(title="Gone")
    example.page.reload()
    example.wait_for_titles("Gone")
    example.context.set_offline(True)
    example.role("button", "Delete Gone").click()
    example.client.delete(f"/{task['id']}")
    example.context.set_offline(False)
    example.wait_for_status(SAVED)
    assert example.titles() == []


def test_it_waits_as_long_as_the_service_says(start_example, new_example):
    example = new_example(start_example(RATE_LIMIT="4/second", WORKERS=1)).opened()
    # The page takes the times, because this process may be slow.
    example.page.evaluate("""() => {
        window.log = [];
        const request = window.fetch;
        window.fetch = async (...options) => {
            log.push([performance.now(), "request"]);
            const response = await request(...options);
            log.push([performance.now(), response.status]);
            return response;
        };
    }""")
    example.context.set_offline(True)
    for number in range(9):
        example.add(f"task {number}")
    example.wait_for_status("Offline, 9 changes waiting")
    # Whatever happens meanwhile, such as a network that comes and goes.
    example.page.evaluate("setInterval(() => dispatchEvent(new Event('online')), 100) && undefined")
    example.context.set_offline(False)
    wait_until(lambda: example.status().startswith("The service is busy, "), example.status)
    example.wait_for_status(SAVED)
    time.sleep(1)  # For the requests of this test itself.
    assert example.saved_titles() == [f"task {number}" for number in range(9)]
    # After a 429, there is no request until the time is over, which is a second here.
    log = example.page.evaluate("log")
    waits = [after - before for (before, what), (after, _) in pairwise(log) if what == 429]
    assert waits
    assert min(waits) >= 990


def test_refused_write_can_be_taken_back(example):
    """Undo was pressed before the service refused it."""
    example.client.create(title="Buy milk")
    example.page.reload()
    example.wait_for_titles("Buy milk")
    example.page.route("**/tasks/*", lambda route: route.abort("connectionreset"))
    example.role("button", "Edit Buy milk").click()
    example.save(title="x" * 256)
    example.wait_for_status("Offline, 1 change waiting")
    example.role("button", "Undo").click()
    example.wait_for_titles("Buy milk")
    example.page.unroute_all()
    example.wait_for_status(SAVED)
    assert changes(example) == ["created"]
