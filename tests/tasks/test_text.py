"""Text beyond ASCII: a title can be seen, and a search finds equal text in other code points and in either case."""

import unicodedata
from urllib.parse import quote

import pytest

from taskapp.http.fields import has_visible_character

INVISIBLE = {
    "zero width space": "\u200b",
    "zero width no-break space, or byte order mark": "\ufeff",
    "word joiner": "\u2060",
    "soft hyphen": "\u00ad",
    "Mongolian vowel separator": "\u180e",
    "combining grapheme joiner": "\u034f",
    "Hangul fillers": "\u3164\u115f\u1160\uffa0",
    "Braille pattern blank": "\u2800",
    "Khmer inherent vowels": "\u17b4\u17b5",
    "variation selectors": "\ufe0f\ufe0e\U000e0100\u180b",
    "bidirectional controls": "\u202e\u200f\u2066\u2069\u061c",
    "zero width joiners": "\u200d\u200c",
    "tags": "\U000e0041\U000e007f",
    "reserved for invisible characters": "\u2065\ufff0\U000e0fff",
    "controls": "\x01\x7f\x85\x9b",
    "spaces": "\u00a0\u3000\u2003\u1680",
    "separators": "\u2028\u2029",
    "combining marks without a base": "\u0301\u0308\u20dd",
    "null notehead": "\U0001d159",
    "a mixture": " \u200b\u3164\ufe0f\t",
}
VISIBLE = [
    "a",
    "\u200bx",
    "1",
    ".",
    "👨\u200d👩\u200d👧",  # A family, joined.
    "❤\ufe0f",
    "1\ufe0f\u20e3",  # A keycap.
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # The flag of England.
    "🇩🇪",
    "\U0001fadf",  # Newer than the Unicode of some Pythons.
    "e\u0301",
    "한",
    "नि",
    "\u0e01\u0e34",
    "\ue000",  # Private use: a font may have an icon there.
]


@pytest.mark.parametrize("title", INVISIBLE.values(), ids=INVISIBLE)
@pytest.mark.usefixtures("unchanged")
def test_title_that_nobody_can_see_is_rejected(alice, task, title):
    for response in (alice.post(json={"title": title}), alice.put(f"/{task['id']}", json={"title": title})):
        assert response.status == 422
        assert list(response.error["details"]) == ["title"]


@pytest.mark.parametrize("title", VISIBLE)
def test_visible_title_is_stored_as_sent(alice, title):
    assert alice.create(title=title)["title"] == title


def test_every_default_ignorable_character_is_invisible():
    """Those that Unicode says not to display (UAX #44), by the ranges of DerivedCoreProperties.txt of Unicode 16."""
    ranges = "ad 34f 61c 115f-1160 17b4-17b5 180b-180f 200b-200f 202a-202e 2060-206f 3164 fe00-fe0f feff ffa0 fff0-fff8"
    ranges += " 1bca0-1bca3 1d173-1d17a e0000-e0fff"
    for part in ranges.split():
        first, _, last = part.partition("-")
        for code in range(int(first, 16), int(last or first, 16) + 1):
            assert not has_visible_character(chr(code)), hex(code)


def found(client, q):
    response = client.get(f"?q={quote(q)}")
    assert response.status == 200, response.body
    return len(response.data)


def test_search_finds_equal_text_in_other_code_points(alice):
    """Canonical equivalence (UAX #15), in titles and descriptions, whichever form is stored and asked for."""
    words = [
        "café",
        "Ångström",
        "한국어",
        "tiê\u0301ng Viê\u0323t",  # As Vietnamese keyboards type it: half composed, neither NFC nor NFD.
        "İstanbul",
        "塚\ufa10",  # A compatibility ideograph, which NFC replaces.
        "q\u0323\u0307",
        "q\u0307\u0323",  # The same, with its marks in another order.
    ]
    forms = {word: {word, unicodedata.normalize("NFC", word), unicodedata.normalize("NFD", word)} for word in words}
    for word, spelled in forms.items():
        for field in ({"title": "x"}, {"description": "x"}):
            for text in spelled:
                stored = alice.create(**{"title": "other", **dict.fromkeys(field, f"before {text} after")})
                assert text in stored[next(iter(field))]  # Stored as sent.
                for q in spelled:
                    assert found(alice, q), (word, ascii(text), ascii(q))
                alice.delete(f"/{stored['id']}")


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("École", "éCOLE"),
        ("STRAẞE", "straße"),
        ("ΟΔΟΣ", "οδος"),
        ("οδος", "ΟΔΟΣ"),
        ("οδοσ", "οδος"),
        ("Привет", "ПРИВЕТ"),
        ("İSTANBUL", "istanbul"),
        ("ǅ", "ǆ"),
        ("E\u0301cole", "école"),
        ("100% ÉCO_x\\y", "% éco_X\\Y"),
    ],
)
def test_search_ignores_case_beyond_ascii(alice, stored, asked):
    alice.create(title=stored)
    alice.create(title="x", description=stored)
    assert found(alice, asked) == 2


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("straße", "strasse"),
        ("café", "cafe"),
        ("ﬁne", "fine"),
        ("Ａ", "A"),
        ("a\u200bb", "ab"),
        ("éco", "%"),
        ("é", "_"),
    ],
)
def test_search_does_not_guess(alice, stored, asked):
    """Accents, ligatures, wide letters and invisible characters make another text, and nothing is a wildcard."""
    alice.create(title=stored)
    assert found(alice, asked) == 0
