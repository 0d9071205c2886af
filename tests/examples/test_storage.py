"""What the example front end stores in the browser, and what happens without space for it."""

import secrets

import pytest

pytestmark = pytest.mark.slow

SAVED = "All changes saved"


def test_copy_gives_way_if_there_is_no_space(example):
    """The queue is stored although localStorage is full."""
    example.client.create(title="Old", description=secrets.token_hex(500))
    example.page.reload()
    example.wait_for_titles("Old")
    example.page.evaluate("""() => {
        let size = 2 ** 22;
        while (size > 1) {
            try { localStorage.setItem("filler", (localStorage.getItem("filler") ?? "") + "x".repeat(size)); }
            catch { size /= 2; }
        }
    }""")
    example.context.set_offline(True)
    example.add("New")
    example.wait_for_status("Offline, 1 change waiting")
    assert sorted(example.titles()) == ["New", "Old"]
    example.page.evaluate("localStorage.removeItem('filler')")
    example.context.set_offline(False)
    example.wait_for_status(SAVED)
    assert example.saved_titles() == ["New", "Old"]


def test_without_any_space_what_was_typed_is_given_back(example):
    example.page.evaluate("""() => {
        Storage.prototype.setItem = () => { throw new DOMException("Full", "QuotaExceededError"); };
    }""")
    example.add("New", priority="High")
    error = example.page.locator("#add .error")
    error.wait_for()
    assert error.inner_text() == "This browser has no space left."
    form = example.role("form", "New task")
    assert form.get_by_label("Title", exact=True).input_value() == "New"
    assert form.get_by_role("combobox", name="Priority").input_value() == "high"
    assert example.saved_titles() == []


def test_stored_tasks_are_shown_before_the_service_responds(example):
    example.client.create(title="Old")
    example.page.reload()
    example.wait_for_titles("Old")
    example.wait_for_status(SAVED)
    with example.held("GET") as held:
        example.page.reload()
        example.wait_for_held(held)
        assert example.titles() == ["Old"]
        assert example.status() == "Loading…"
        assert example.role("button", "Sign out").is_visible()
    example.wait_for_status(SAVED)


def test_worker_keeps_the_files_and_nothing_else(new_example, example_site):
    example = new_example(example_site)
    example.url += "/?from=elsewhere"
    example.opened()
    example.page.reload()
    example.page.evaluate("Promise.all(['icon.svg?x', 'tsconfig.json'].map((url) => fetch(url))).then(() => undefined)")
    urls = example.page.evaluate("""async () => {
        const keys = await (await caches.open("taskapp.page")).keys();
        return keys.map(({url}) => url.replace(location.origin, ""));
    }""")
    modules = ("api", "app", "copy", "dates", "dom", "forms", "list", "merge", "queue", "sync")
    assert sorted(urls) == sorted(["/", "/icon.svg", "/style.css", *(f"/{name}.js" for name in modules)])


def test_worker_without_space_still_serves(example):
    (worker,) = example.context.service_workers
    worker.evaluate("void (Cache.prototype.put = () => Promise.reject(new DOMException('', 'QuotaExceededError')))")
    example.page.evaluate("caches.delete('taskapp.page')")
    assert example.page.evaluate("fetch('icon.svg').then(({status}) => status)") == 200
