"""Compressed bodies, byte order marks, other encodings and bad JSON: each reason has its own sentence."""

import gzip
import json
import zlib

import pytest

from tests.support.client import JSON, raw, writes

BODY = b'{"title": "x", "completed": true}'
COMPLETION = b'{"completed": true}'
BOM = b"\xef\xbb\xbf"


def valid_body(path):
    return COMPLETION if path.endswith("complete") else BODY


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "coding", ["gzip", "GZIP", "x-gzip", "br", "deflate", "gzip, br", "identity, gzip", "nonsense"]
)
@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress, bytes])
def test_content_coding_is_unsupported(alice, task, coding, encode):
    """Also if the body is JSON in spite of its label."""
    headers = {**JSON, "Content-Encoding": coding}
    for method, path in [*writes(task), ("DELETE", f"/{task['id']}"), ("GET", ""), ("GET", f"/{task['id']}")]:
        body = encode(valid_body(path))
        response = alice.request(method, alice.tasks + path, body=body, headers=headers)
        assert (response.status, response.error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        assert response.headers["Accept-Encoding"] == "identity"
        assert "uncompressed" in response.error["message"]


@pytest.mark.parametrize("coding", ["identity", "Identity", "identity, identity", "", " , "])
def test_coding_that_changes_nothing_is_accepted(alice, coding):
    assert alice.post(body=BODY, headers={**JSON, "Content-Encoding": coding}).status == 201


def test_coding_of_no_body_is_ignored(alice, task):
    headers = {"Content-Encoding": "gzip"}
    path = f"/{task['id']}"
    assert alice.get(headers=headers).status == 200
    assert alice.patch(path + "/complete", headers=headers).data["completed"] is True
    assert alice.delete(path, headers=headers).status == 200


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("body", [BODY, gzip.compress(BODY)], ids=["plain", "compressed"])
@pytest.mark.parametrize("coding", ["gzip, chunked", "deflate, chunked", "compress, chunked"])
def test_transfer_coding_other_than_chunked_is_not_implemented(alice, server, task, coding, body):
    for method, path in writes(task):
        head = f"{method} {alice.tasks}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
        head += f"Content-Type: application/json\r\nTransfer-Encoding: {coding}\r\n\r\n{len(body):x}\r\n"
        response = raw(server.port, head.encode() + body + b"\r\n0\r\n\r\n")
        assert (response.status, response.error["code"]) == (501, "NOT_IMPLEMENTED")


def test_byte_order_mark_is_ignored(alice, task):
    """RFC 8259, section 8.1, lets a parser do so. Windows PowerShell and .NET's writers put it before UTF-8."""
    for method, path in writes(task):
        response = alice.request(method, alice.tasks + path, body=BOM + valid_body(path), headers=JSON)
        assert response.status in {200, 201}
        assert response.data["completed"] is True
    assert alice.post(body=BOM + b'{"title": "\xef\xbb\xbfx"}', headers=JSON).data["title"] == "\ufeffx"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", '"windows-1252"', "utf-7", "x"])
def test_other_charset_is_unsupported(alice, task, charset):
    """Also if the body is UTF-8 in spite of its label: the text could be meant either way."""
    body = '{"title": "é", "completed": true}'.encode()
    for method, path in writes(task):
        headers = {"Content-Type": f"application/json; charset={charset}"}
        response = alice.request(method, alice.tasks + path, body=body, headers=headers)
        assert (response.status, response.error["message"]) == (415, "The charset of the body must be utf-8.")


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8", '"utf-8"', "us-ascii"])
def test_charset_that_is_utf_8_is_accepted(alice, charset):
    assert alice.post(body=BODY, headers={"Content-Type": f"application/json;charset={charset}"}).status == 201


REASONS = [
    (b"[]", "The body must be a JSON object, not an array."),
    (b"null", "The body must be a JSON object, not null."),
    (b"true", "The body must be a JSON object, not a boolean."),
    (b"1", "The body must be a JSON object, not a number."),
    (b"1.5", "The body must be a JSON object, not a number."),
    (b'"x"', "The body must be a JSON object, not a string."),
    (b'{"title": NaN}', "The body contains NaN, which is not JSON."),
    (b'{"title": -Infinity}', "The body contains -Infinity, which is not JSON."),
    (b"[" * 30_000, "The body is nested too deep."),
    (b'{"title": 1' + b"0" * 5_000 + b"}", "The body contains a number with too many digits."),
    (gzip.compress(BODY), "The body is compressed with gzip. Send it uncompressed."),
    ('{"title": "x"}'.encode("utf-16"), "The body is in UTF-16 or UTF-32. Send it in UTF-8."),
    ('{"title": "x"}'.encode("utf-16-be"), "The body is in UTF-16 or UTF-32. Send it in UTF-8."),
    ('{"title": "x"}'.encode("utf-32-le"), "The body is in UTF-16 or UTF-32. Send it in UTF-8."),
    ('{"title": "é"}'.encode("latin-1"), "The body is not in UTF-8. Byte 12 is invalid."),
    (b'{"title": "\xed\xa0\x80"}', "The body is not in UTF-8. Byte 12 is invalid."),
    (
        b"{'title': 'x'}",
        "The body is not JSON: expecting property name enclosed in double quotes at line 1, column 2.",
    ),
    (b'{\n "title": "x"\n "completed": true}', "The body is not JSON: expecting ',' delimiter at line 3, column 2."),
    (b'{"title": "a\nb"}', "The body is not JSON: invalid control character at line 1, column 13."),
    (b'{"title": "x"', "The body is not JSON: expecting ',' delimiter at line 1, column 14."),
    (b'{"title": "x', "The body is not JSON: unterminated string starting at line 1, column 11."),
    (b'{"title": "\\x"}', "The body is not JSON: invalid \\escape at line 1, column 12."),
    (b'{"title": "x"}{', "The body is not JSON: extra data at line 1, column 15."),
    (b"title=x", "The body is not JSON: expecting value at line 1, column 1."),
    (BOM + b"{", "The body is not JSON: expecting property name enclosed in double quotes at line 1, column 2."),
]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("body", "sentence"), REASONS, ids=range(len(REASONS)))
def test_malformed_body_has_the_sentence_of_its_reason(alice, task, body, sentence):
    for method, path in writes(task):
        response = alice.request(method, alice.tasks + path, body=body, headers=JSON)
        assert (response.status, response.error["message"]) == (400, sentence)


@pytest.mark.usefixtures("unchanged")
def test_sentence_contains_nothing_of_the_body(alice):
    for secret in (b"{'hunter2': 1}", b'{"hunter2": "hunter2\xff"}', b'{"hunter2"}', json.dumps("hunter2").encode()):
        assert "hunter2" not in alice.post(body=secret, headers=JSON).error["message"]
