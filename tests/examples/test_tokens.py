"""The example front end and its token: where it comes from, where it is kept, and what happens without a good one."""

import pytest

from tests.support.client import make_token

pytestmark = pytest.mark.slow


def test_token_leaves_the_url_and_lives_as_long_as_the_tab(example):
    assert "token" not in example.page.url
    assert example.client.token not in example.page.evaluate("JSON.stringify({...localStorage})")
    example.page.reload()
    example.wait_for_status("All changes saved")
    example.role("button", "Sign out").click()
    example.role("heading", "Sign in").wait_for()
    assert example.page.evaluate("[sessionStorage.length, Object.keys(localStorage)]") == [0, []]


def test_a_401_asks_for_a_token_and_loses_nothing(new_example, example_site):
    example = new_example(example_site)
    example.open(make_token("of another service" * 3, user_id=example.client.user_id))
    example.role("heading", "Sign in").wait_for()
    example.page.keyboard.press("Escape")
    example.add("Buy milk")
    example.role("heading", "Sign in").wait_for()
    assert example.status() == "Signed out, 1 change waiting"
    example.save(token="not a token")
    assert example.dialog().locator(".hint").inner_text() == "This is not a token of a user. Paste all of it."
    example.save(token=f" {example.client.token}\n")
    example.wait_for_status("All changes saved")
    assert [*example.tasks()] == ["Buy milk"]
    assert example.complaints == []


def test_without_a_token_nothing_typed_is_lost(new_example, example_site):
    example = new_example(example_site)
    example.page.goto(example.url)
    example.role("heading", "Sign in").wait_for()
    example.dialog().get_by_role("button", name="Not now").click()
    example.add("Buy milk", priority="High")
    example.role("heading", "Sign in").wait_for()
    example.save(token=example.client.token)
    example.wait_for_status("All changes saved")
    example.page.locator("#add [name=title]").press("Enter")
    example.wait_for_toast("Added: Buy milk.")
    assert example.tasks()["Buy milk"]["priority"] == "high"


def test_token_of_another_user_shows_only_their_tasks(example, example_site):
    example.client.create(title="Of the first")
    example.page.reload()
    example.wait_for_titles("Of the first")
    example.page.evaluate("sessionStorage.setItem('taskapp.token', sessionStorage.getItem('taskapp.token') + 'x')")
    example.page.evaluate("dispatchEvent(new Event('online'))")
    example.role("heading", "Sign in").wait_for()
    with example_site[1].client() as second:
        second.create(title="Of the second")
        with example.page.expect_navigation():
            example.save(token=second.token)
        example.wait_for_titles("Of the second")
        assert "Of the first" not in example.stored()[f"taskapp.copy.{second.user_id}"]


def test_users_with_similar_ids_share_nothing(new_example, example_site):
    """Ids may contain dots. What one user has not sent yet is not sent by another."""
    service = example_site[1]
    with service.client() as first, service.client(f"{first.user_id}.doe") as second:
        example = new_example(example_site, second).opened()
        example.context.set_offline(True)
        example.add("Of the second")
        example.wait_for_status("Offline, 1 change waiting")
        example.page.evaluate("sessionStorage.clear()")
        example.context.set_offline(False)
        other = new_example(example_site, first, example.context).opened()
        assert other.titles() == []
        assert first.get().data == []
        other.page.evaluate(f"sessionStorage.setItem('taskapp.token', {second.token!r})")
        other.page.reload()
        other.wait_for_status("All changes saved")
        assert [task["title"] for task in second.get().data] == ["Of the second"]


def test_new_token_in_the_url_of_the_open_page(example, example_site):
    with example_site[1].client() as second:
        second.create(title="Of the second")
        example.open(second.token)
        example.wait_for_titles("Of the second")
        assert "token" not in example.page.url
