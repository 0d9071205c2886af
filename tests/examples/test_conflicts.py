"""The example front end and other clients: what they change appears, and what collides is for the user to choose."""

import pytest

from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

SAVED = "All changes saved"
# How many tabs send, or are about to.
LOCKS = "navigator.locks.query().then(({held, pending}) => held.length + pending.length)"


@pytest.fixture
def collide(example):
    """Makes a change in the page, which the page sends after another client has made its own."""

    def collide(task, theirs, change):
        example.page.reload()
        example.wait_for_titles(task["title"])
        example.wait_for_status(SAVED)  # The stored tasks are shown before.
        example.context.set_offline(True)
        change()
        # What the page sends while it shows a change opens the dialog by itself.
        wait_until(lambda: example.page.evaluate(LOCKS) == 0, "it still tries to send")
        assert example.client.put(f"/{task['id']}", json=theirs).status == 200
        example.context.set_offline(False)

    return collide


def edit(example, task, /, **inputs):
    example.role("button", f"Edit {task}").click()
    example.save(**inputs)


def task_of(example):
    (task,) = example.client.get().data
    return task


def choices(example):
    """From each field of the dialog to both values, as a reader sees them."""
    fields = example.dialog().locator("fieldset").all()
    return {field.locator("legend").inner_text(): field.locator(".value").all_inner_texts() for field in fields}


def test_different_fields_merge_by_themselves(example, collide):
    task = example.client.create(title="Buy milk")
    collide(task, {"description": "Two litres"}, lambda: edit(example, "Buy milk", title="Buy oat milk"))
    example.wait_for_status(SAVED)
    assert (task_of(example)["title"], task_of(example)["description"]) == ("Buy oat milk", "Two litres")
    assert example.page.locator("dialog[open]").count() == 0


def test_only_what_collides_is_asked(example, collide):
    task = example.client.create(title="Buy milk", priority="low")
    mine = {"title": "Buy oat milk", "notes": "Mine", "priority": "High"}
    theirs = {"title": "Buy almond milk", "priority": "urgent", "tags": ["shop"]}
    collide(task, theirs, lambda: edit(example, "Buy milk", **mine))
    example.role("button", "Fix Buy oat milk").click()
    assert choices(example) == {"Title": ["Buy oat milk", "Buy almond milk"], "Priority": ["High", "Urgent"]}
    example.role("group", "Priority").get_by_role("radio", name="Theirs").check()
    example.save()
    example.wait_for_status(SAVED)
    now = task_of(example)
    assert (now["title"], now["description"], now["priority"], now["tags"]) == (
        "Buy oat milk",
        "Mine",
        "urgent",
        ["shop"],
    )


def test_an_edit_of_an_old_version_asks_at_once(example):
    """The dialog was open while the other client wrote, and the page has not heard of it."""
    task = example.client.create(title="Buy milk", due_date="2026-12-01")
    example.page.reload()
    example.role("button", "Edit Buy milk").click()
    example.client.put(f"/{task['id']}", json={"due_date": "2026-12-24"})
    example.save(due_date="2026-12-31")
    example.role("heading", "Changed in both places").wait_for()
    (label,) = choices(example)
    assert label == "Due"
    mine, theirs = choices(example)["Due"]
    assert "31 December 2026" in mine
    assert "24 December 2026" in theirs
    example.save()
    example.wait_for_toast("Saved: Buy milk.")
    assert task_of(example)["due_date"] == "2026-12-31"


def test_what_was_typed_waits_for_a_decision(example, collide):
    task = example.client.create(title="Buy milk")
    collide(task, {"title": "Theirs"}, lambda: edit(example, "Buy milk", title="A long thought"))
    example.role("button", "Fix A long thought").click()
    example.page.keyboard.press("Escape")
    example.page.reload()
    assert task_of(example)["title"] == "Theirs"
    example.role("button", "Fix A long thought").click()
    example.dialog().get_by_role("button", name="Decide later").click()
    assert example.titles() == ["A long thought"]
    example.role("button", "Fix A long thought").click()
    example.dialog().get_by_role("radio", name="Theirs").check()
    example.save()
    example.wait_for_titles("Theirs")
    assert example.status() == SAVED
    assert not example.page.locator("#attention").is_visible()


def test_equal_values_need_no_choice(example, collide):
    task = example.client.create(title="Buy milk")
    collide(task, {"title": "The same"}, lambda: edit(example, "Buy milk", title="The same"))
    example.role("button", "Fix The same").click()
    example.wait_for_status(SAVED)
    assert task_of(example)["title"] == "The same"
    assert example.page.locator("dialog[open]").count() == 0


@pytest.mark.parametrize(("choice", "left"), [("Yours", []), ("Theirs", ["Buy bread"])])
def test_deletion_of_a_changed_task_is_asked(example, collide, choice, left):
    task = example.client.create(title="Buy milk")
    collide(task, {"title": "Buy bread"}, lambda: example.role("button", "Delete Buy milk").click())
    example.role("button", "Fix Buy milk").click()
    assert choices(example)["Task"][0] == "Delete it"
    assert "Buy bread" in choices(example)["Task"][1]
    example.dialog().get_by_role("radio", name=choice).check()
    example.save()
    example.wait_for_titles(*left)
    wait_until(lambda: [task["title"] for task in example.client.get().data] == left, "the choice is not made")


def test_later_changes_of_a_task_wait_for_the_first(example, collide):
    task = example.client.create(title="Buy milk")

    def change():
        edit(example, "Buy milk", title="Mine")
        example.role("checkbox", "Mine").click()

    collide(task, {"title": "Theirs"}, change)
    example.wait_for_status("1 change waiting, 1 change not accepted")
    assert task_of(example)["completed"] is False
    example.role("button", "Fix Mine").click()
    example.save()
    example.wait_for_status(SAVED)
    assert (task_of(example)["title"], task_of(example)["completed"]) == ("Mine", True)


@pytest.mark.parametrize("kind", ["change", "delete"])
def test_later_changes_do_not_hide_what_others_wrote(example, collide, kind):
    """The first change merges. The second is about what others have changed meanwhile, which the user has not seen."""
    task = example.client.create(title="Buy milk")

    def change():
        edit(example, "Buy milk", title="Buy oat milk")
        if kind == "change":
            edit(example, "Buy oat milk", notes="Mine")
        else:
            example.role("button", "Delete Buy oat milk").click()

    collide(task, {"description": "Theirs"}, change)
    example.wait_for_status("1 change not accepted")
    assert (task_of(example)["title"], task_of(example)["description"]) == ("Buy oat milk", "Theirs")
    example.role("button", "Fix Buy oat milk").click()
    if kind == "change":
        assert choices(example) == {"Notes": ["Mine", "Theirs"]}
    else:
        assert "Theirs" in choices(example)["Task"][1]


def test_own_changes_do_not_collide_with_each_other(example, collide):
    """The service sorts tags and trims titles, so what it returns is not what was sent."""
    task = example.client.create(title="Buy milk")
    tags = "tags, with commas between"

    def change():
        edit(example, "Buy milk", title=" Buy oat milk ", **{tags: "shop, home"})
        edit(example, "Buy oat milk", notes="Two litres")
        edit(example, "Buy oat milk", **{tags: "shop, garden"})
        example.role("button", "Delete Buy oat milk").click()

    collide(task, {"title": "Buy milk"}, change)
    example.wait_for_status(SAVED)
    assert example.client.get().data == []


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "old"])
def test_edit_while_an_own_write_is_in_flight(example, is_new):
    if not is_new:
        example.client.create(title="Buy bread")
        example.page.reload()
        example.wait_for_titles("Buy bread")
    with example.held("POST" if is_new else "PATCH") as held:
        example.add("Buy milk") if is_new else edit(example, "Buy bread", title="Buy milk")
        example.wait_for_held(held)
        example.role("button", "Edit Buy milk").click()
    example.wait_for_status(SAVED)
    example.save(title="Buy oat milk")
    example.wait_for_toast("Saved: Buy oat milk.")
    assert example.titles() == ["Buy oat milk"]
    assert task_of(example)["title"] == "Buy oat milk"


def test_a_refusal_does_not_take_over_an_open_dialog(example):
    for title in ("one", "two"):
        example.client.create(title=title)
    example.page.reload()
    example.wait_for_titles("one", "two")
    with example.held("PATCH") as held:
        edit(example, "one", title="x" * 256)
        example.wait_for_held(held)
        example.role("button", "Edit two").click()
    example.wait_for_status("1 change not accepted")
    example.save(notes="Of the second")
    example.wait_for_toast("Saved: two.")
    assert [(task["title"], task["description"]) for task in example.client.get("?sort=id").data] == [
        ("one", None),
        ("two", "Of the second"),
    ]
    assert example.role("button", f"Fix {'x' * 256}").is_visible()
