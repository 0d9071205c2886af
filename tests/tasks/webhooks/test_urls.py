"""URLs of every kind: those that are stored, in which form, and those that are refused, with which sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskapp.tasks.webhooks.errors import InvalidUrl
from taskapp.tasks.webhooks.models import URL_LENGTH
from taskapp.tasks.webhooks.urls import normalize_url
from tests.support.in_process import LocalUser
from tests.support.webhook_urls import HOOKS, PORT, PRIVATE, PRIVATE_URLS, PUBLIC_NAME, REFUSED, STORED
from tests.support.webhooks import create, webhooks_of


def sentence_of(url, **options):
    with pytest.raises(InvalidUrl) as caught:
        normalize_url(url, **options)
    return caught.value.reason


@pytest.mark.parametrize("url", STORED)
def test_url_is_stored_in_one_form(url):
    assert normalize_url(url) == STORED[url]
    assert normalize_url(STORED[url]) == STORED[url]


@pytest.mark.parametrize(("sentence", "url"), [(sentence, url) for sentence, urls in REFUSED.items() for url in urls])
def test_url_is_refused_with_a_sentence(sentence, url):
    assert sentence_of(url) == sentence


@pytest.mark.parametrize("url", PRIVATE_URLS)
def test_setting_allows_private_networks(url):
    assert normalize_url(url, allow_private=True) == PRIVATE_URLS[url]
    sentence_of(url)


@pytest.mark.parametrize(
    ("sentence", "url"),
    [(sentence, url) for sentence, urls in REFUSED.items() for url in urls if sentence not in (PRIVATE, PUBLIC_NAME)],
)
def test_setting_allows_nothing_else(sentence, url):
    if url.lower().startswith("http://"):
        return
    assert sentence_of(url, allow_private=True) in (sentence, PORT)


def test_length_counts_after_the_host_is_encoded():
    rest = "x" * (URL_LENGTH - len(f"{HOOKS}/"))
    assert len(normalize_url(f"{HOOKS}/{rest}")) == URL_LENGTH
    assert "2,048" in sentence_of(f"{HOOKS}/{rest}x")
    longer = "x" * (URL_LENGTH - len("https://bücher.example/"))
    assert "2,048" in sentence_of(f"https://bücher.example/{longer}")


@given(st.text())
def test_any_text_is_refused_or_harmless(text):
    """Whatever is stored is ASCII without what separates hosts and headers, and is stored again as it is."""
    for url in (text, f"https://{text}", f"{HOOKS}{text}", f"{HOOKS}/{text}"):
        try:
            stored = normalize_url(url)
        except InvalidUrl:
            continue
        assert stored.isascii()
        assert stored.isprintable()
        assert not set(stored) & set(' \\#"<>')
        assert "@" not in stored.split("/")[2]
        assert normalize_url(stored) == stored


def test_response_has_the_sentence_and_stores_nothing(alice):
    for sentence, urls in REFUSED.items():
        response = create(alice, url=urls[-1])
        assert (response.status, response.error["details"]) == (422, {"url": [sentence]})
    response = create(alice, url="https://x.example/" + "x" * URL_LENGTH)
    assert response.error["details"].keys() == {"url"}
    assert alice.request("GET", webhooks_of(alice)).data == []


def test_service_with_the_setting_accepts_private_urls(make_app, secret):
    user = LocalUser(make_app(WEBHOOK_ALLOW_PRIVATE=True), secret)
    for url in list(PRIVATE_URLS)[:5]:
        assert user.send("POST", resource="webhooks", json={"url": url}).json["data"]["url"] == PRIVATE_URLS[url]
