"""The example front end follows what other devices and other tabs change."""

import pytest

from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

SAVED = "All changes saved"


def test_changes_of_other_devices_appear(example, new_example, example_site):
    other = new_example(example_site, example.client).opened()
    other.add("From another device")
    other.wait_for_toast("Added: From another device.")
    wait_until(lambda: example.titles() == ["From another device"], "it does not appear")
    other.role("button", "Delete From another device").click()
    wait_until(lambda: example.titles() == [], "it does not disappear")


def test_tabs_share_the_queue(example, new_example, example_site):
    other = new_example(example_site, example.client, example.context).opened()
    example.context.set_offline(True)
    example.add("one")
    other.add("two")
    for tab in (example, other):
        tab.wait_for_status("Offline, 2 changes waiting")
        wait_until(lambda tab=tab: sorted(tab.titles()) == ["one", "two"], "a tab does not show both")
    example.context.set_offline(False)
    for tab in (example, other):
        tab.wait_for_status(SAVED)
    assert sorted(task["title"] for task in example.client.get().data) == ["one", "two"]
    assert other.complaints == []


def test_undo_of_what_another_tab_has_sent(example, new_example, example_site):
    example.client.create(title="Buy milk", due_date="2026-12-24", time_zone="UTC", recurrence={"rule": "FREQ=DAILY"})
    example.page.reload()
    example.wait_for_titles("Buy milk")
    other = new_example(example_site, example.client, example.context).opened()
    with other.held("GET", "**/changes?*") as held:  # It is in the middle of a run, and will do the next one, too.
        other.page.evaluate("dispatchEvent(new Event('online')) && undefined")
        other.wait_for_held(held)
        other.page.evaluate("dispatchEvent(new Event('online')) && undefined")
        example.role("checkbox", "Buy milk").click()
    example.wait_for_toast("Done: Buy milk. Next: Fri 25 Dec.")
    example.role("button", "Undo").click()
    wait_until(lambda: [task["completed"] for task in example.client.get().data] == [False], "it is not undone")


def test_hidden_page_does_not_ask(example):
    """Chromium without a window never hides a page, so the test says that it is hidden."""
    example.page.evaluate("""() => {
        Object.defineProperty(document, "hidden", {get: () => window.isHidden, configurable: true});
        window.setHidden = (hidden) => {
            window.isHidden = hidden;
            document.dispatchEvent(new Event("visibilitychange"));
        };
    }""")
    requests = []
    example.page.on("request", lambda request: requests.append(request.url))
    example.page.evaluate("setHidden(true)")
    example.client.create(title="New")
    example.page.wait_for_timeout(27_000)
    assert requests == []
    example.page.evaluate("setHidden(false)")
    example.wait_for_titles("New")


def test_old_copy_starts_again(example):
    """The service says 410 if it does not know every change since. Here the number is larger than any so far."""
    example.client.create(title="New")
    example.context.set_offline(True)
    example.page.evaluate("""() => {
        const [name] = Object.keys(localStorage).filter((name) => name.startsWith("taskapp.copy."));
        localStorage.setItem(name, JSON.stringify({number: 1000, tasks: []}));
    }""")
    example.page.reload()
    example.context.set_offline(False)
    example.wait_for_titles("New")
    assert example.status() == SAVED
