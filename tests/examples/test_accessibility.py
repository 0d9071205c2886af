"""The example front end without a mouse, with a screen reader, on a telephone, and in the dark."""

import pytest

from tests.support.example_tasks import open_with_tasks
from tests.support.external import require_node_package
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

WIDTHS = {"desktop": 1100, "telephone": 360}


def press(example, *keys):
    for key in keys:
        example.page.keyboard.press(key)


def tab_to(example, name, key="Tab"):
    """Press Tab until something of this name has the focus; it must show that."""
    for _ in range(60):
        press(example, key)
        if example.focused() == name:
            outline = example.page.evaluate("""() => {
                const element = document.activeElement, shown = element.closest("search fieldset label") ?? element;
                return [element.matches(":focus-visible"), getComputedStyle(shown).outlineStyle];
            }""")
            assert outline == [True, "solid"], name
            return
    raise AssertionError(f"{name} does not get the focus")


def test_everything_by_keyboard(example):
    page = example.page
    tab_to(example, "Title")
    page.keyboard.type("Buy milk")
    tab_to(example, "Priority")
    press(example, "H")  # High.
    tab_to(example, "Add")
    press(example, "Enter")
    example.wait_for_toast("Added: Buy milk.")
    assert example.focused() == "Title"
    page.keyboard.type("Buy bread")
    press(example, "Enter")
    example.wait_for_titles("Buy milk", "Buy bread")

    tab_to(example, "Edit Buy milk")
    press(example, "Enter")
    assert example.focused() == "Title"
    press(example, "Control+a")
    page.keyboard.type("Buy oat milk")
    press(example, "Enter")
    example.wait_for_toast("Saved: Buy oat milk.")
    assert example.focused() == "Edit Buy oat milk"

    tab_to(example, "Delete Buy oat milk")
    press(example, "Enter")
    example.wait_for_titles("Buy bread")
    assert example.focused() == "Buy bread"
    example.wait_for_toast("Deleted: Buy oat milk.")
    tab_to(example, "Undo")
    press(example, "Enter")
    example.wait_for_titles("Buy oat milk", "Buy bread")
    assert example.focused() == "Buy oat milk"

    press(example, "Space")
    example.wait_for_titles("Buy bread")
    assert example.focused() == "Buy bread"
    press(example, "Space")
    example.wait_for_titles()
    assert example.focused() == "Title"
    tab_to(example, "Open")
    press(example, "ArrowRight", "ArrowRight")
    wait_until(lambda: sorted(example.titles()) == ["Buy bread", "Buy oat milk"], "Done does not show them")
    tab_to(example, "Search tasks")
    page.keyboard.type("oat")
    example.wait_for_titles("Buy oat milk")


def test_focus_stays_when_others_change_the_list(example):
    for title in ("one", "two", "three"):
        example.client.create(title=title)
    example.page.reload()
    example.wait_for_titles("one", "two", "three")
    example.role("checkbox", "two").focus()
    first = example.client.get("?sort=id").data[0]
    example.client.put(f"/{first['id']}", json={"title": "changed", "due_date": "2026-01-01"})
    example.client.create(title="earlier", due_date="2026-01-01")
    example.page.evaluate("dispatchEvent(new Event('online'))")  # Asks at once.
    example.wait_for_titles("changed", "earlier", "two", "three")
    assert example.focused() == "two"
    second = example.client.get("?sort=id").data[1]
    example.client.put(f"/{second['id']}", json={"due_date": "2025-01-01"})
    example.page.evaluate("dispatchEvent(new Event('online'))")
    example.wait_for_titles("two", "changed", "earlier", "three")
    assert example.focused() == "two"


def test_everything_has_a_name_and_a_role(example):
    example.add("Buy milk", due_date="2026-01-01")
    example.wait_for_toast("Added: Buy milk.")
    for role, name in [
        ("form", "New task"),
        ("textbox", "Title"),
        ("combobox", "Priority"),
        ("combobox", "Repeats"),
        ("button", "Add"),
        ("search", None),
        ("group", "Show"),
        ("radio", "Open 1"),
        ("searchbox", "Search tasks"),
        ("region", "Overdue"),
        ("checkbox", "Buy milk"),
        ("button", "Edit Buy milk"),
        ("button", "Delete Buy milk"),
        ("complementary", "Last change"),
        ("button", "Dismiss"),
        ("banner", None),
        ("main", None),
    ]:
        assert example.role(role, name).count() == 1, (role, name)
    assert example.page.get_by_label("Due date", exact=True).count() == 2
    assert example.page.locator("[role=status]").count() == 2
    checkbox = example.role("checkbox", "Buy milk")
    described = example.page.locator(f"[id='{checkbox.get_attribute('aria-describedby')}']")
    assert described.inner_text().startswith("overdue by")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_state_is_accessible_and_fits(new_example, example_site, scheme, width):
    require_node_package("axe-core")
    viewport = {"width": WIDTHS[width], "height": 800}
    example = open_with_tasks(new_example(example_site, color_scheme=scheme, viewport=viewport))
    example.page.emulate_media(reduced_motion="reduce", color_scheme=scheme)
    example.client.create(title="W" * 255, description="ü" * 1000, tags=["t" * 50, "u" * 50], due_date="2026-11-27")
    example.page.reload()
    example.role("checkbox", "W" * 255).wait_for()

    def check(state):
        assert example.violations() == [], state
        assert example.overflow() <= 0, state

    check("list")
    example.page.locator("search").get_by_text("Done").click()
    check("nothing to show")
    example.page.locator("search").get_by_text("Open").click()
    example.add(" ", due_date="2026-11-28", repeats="Every weekday")
    example.page.locator("#add .error").wait_for()
    check("error at a field")
    example.page.locator("#add [name=title]").fill("Shopping")
    example.page.locator("#add [name=recurrence]").select_option(label="Never")
    example.page.locator("#add [name=title]").press("Enter")
    example.wait_for_toast("Added: Shopping.")
    check("toast")
    example.role("button", "Edit Shopping").click()
    check("dialog")
    (task,) = example.client.get("?q=Shopping").data
    example.client.put(f"/{task['id']}", json={"title": "Theirs " * 30, "description": "x" * 500, "priority": "low"})
    example.save(title="Mine " * 40, notes="y" * 500, priority="High")
    example.role("heading", "Changed in both places").wait_for()
    check("dialog of a merge")
    example.dialog().get_by_role("button", name="Decide later").click()
    check("not accepted")
    example.role("button", "Sign out").click()
    example.role("heading", "Sign in").wait_for()
    check("sign in")
    assert example.complaints == []


def test_nothing_moves_if_the_reader_does_not_want_it(example):
    animation = "getComputedStyle(document.querySelector('#toast')).animationName"
    assert example.page.evaluate(animation) == "rise"
    example.page.emulate_media(reduced_motion="reduce")
    assert example.page.evaluate(animation) == "none"
