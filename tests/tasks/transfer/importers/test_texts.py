"""Titles, descriptions and tags that do not fit: told, and cut only if that was asked for."""

import pytest

from tests.support.converting import converted, only


def takeout(*tasks, title=""):
    return {"items": [{"title": title, "items": [{"id": str(number), **task} for number, task in enumerate(tasks)]}]}


LONG_TITLE, LONG_TEXT = {"title": "t" * 256}, {"title": "t", "notes": "n" * 1001}


def test_one_long_text_leaves_out_one_task():
    lines, notes = converted("google", takeout({"title": "a"}, LONG_TITLE, LONG_TEXT, {"title": "b"}))
    assert [line["title"] for line in lines] == ["a", "b"]
    assert notes == [
        f'file, list 1, item 2 "{"t" * 59}…": Left out. The title has 256 characters. Cut it with --long-text cut.',
        'file, list 1, item 3 "t": Left out. The description has 1001 characters. Cut it with --long-text cut.',
    ]


def test_long_texts_are_cut_if_asked():
    lines, notes = converted("google", takeout(LONG_TITLE, LONG_TEXT), cut=True)
    assert [line["title"] for line in lines] == ["t" * 254 + "…", "t"]
    assert [line["description"] for line in lines] == ["t" * 256, "n" * 999 + "…"]
    assert notes == [
        f'file, list 1, item 1 "{"t" * 59}…": The title was cut to 255 characters. The description has all of it.',
        'file, list 1, item 2 "t": The description was cut from 1001 to 1000.',
    ]


def test_longest_texts_that_fit_are_whole():
    line = only("google", takeout({"title": "t" * 255, "notes": "n" * 1000}))
    assert (len(line["title"]), len(line["description"])) == (255, 1000)


def test_further_line_without_room_is_told():
    (line,), notes = converted("google", takeout({"title": "t", "notes": "n" * 990, "parent": "p"}))
    assert line["description"] == "n" * 990
    assert notes == ['file, list 1, item 1 "t": The description has no room for: Part of: p']


@pytest.mark.parametrize("title", ["", " ", "\u200b"])
def test_task_without_a_title_takes_the_first_line_of_its_description(title):
    (line,), notes = converted("google", takeout({"title": title, "notes": "\n first\nsecond"}))
    assert (line["title"], line["description"]) == ("first", "\n first\nsecond")
    assert notes == ["file, list 1, item 1: The task has no title. It is the first line of the description."]


def test_task_without_any_text_is_left_out():
    lines, (note,) = converted("google", takeout({"title": ""}))
    assert (lines, note.startswith("file, list 1, item 1: Left out. title: ")) == ([], True)


def test_names_of_lists_become_tags():
    name = "a, very ,long " + "x" * 50
    lines, notes = converted("google", takeout({"title": "t"}, {"title": "u"}, title=name))
    tag = ("a very long " + "x" * 50)[:49] + "…"
    assert [line["tags"] for line in lines] == [[tag], [tag]]
    assert notes == [f'"{name}" became the tag "{tag}". (2x)']


def test_same_tag_comes_once_and_20_are_the_most():
    labels = ["e\u0301", "\xe9", " a ", "a", *(f"l{number:02}" for number in range(20))]
    (line,), notes = converted("todoist", [{"id": "1", "content": "t", "labels": labels}], tag="imported")
    assert line["tags"] == ["imported", "\xe9", "a", *(f"l{number:02}" for number in range(17))]
    assert notes == ['file, item 1 "t": A task has at most 20 tags. Without: l17, l18, l19']


def test_day_that_the_service_does_not_have_leaves_out_the_task():
    lines, (note,) = converted("google", takeout({"title": "t", "due": "1800-01-01T00:00:00Z"}))
    assert lines == []
    assert note == 'file, list 1, item 1 "t": Left out. due_date: Must be from 1900-01-01 to 2999-12-31.'


def test_report_has_no_control_characters():
    _, notes = converted("google", takeout({"title": "a\x1b[31m\nb", "deleted": True}))
    assert notes == ['file, list 1, item 1 "a [31m b": Left out. It was deleted.']
