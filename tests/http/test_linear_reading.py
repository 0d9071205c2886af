"""Whatever a client sends, reading it takes time in proportion to its size: nobody can stop the service by one request.

Each part of a request is sent at its largest and at a quarter of it, to the application in this process. The processor
time is compared. In proportion it is 4 times as long, quadratically 16 times.
"""

import time

import pytest

from tests.support.client import make_token

BODY, HEADER, LINE = 64 * 1024 - 100, 16_000, 7_000
JSON = {"Content-Type": "application/json"}


def names(size):
    """Different names in JSON, as many as fit."""
    return [f'"{number:05x}":1' for number in range(size // 10 - 2)]


def last_twice(names):
    return "{" + ",".join([*names, names[-1]]) + "}"


def filled(start, filler, end=""):
    """Text of any size that repeats a filler."""
    return lambda size: start + filler * (size // len(filler)) + end


def body(make, method="PUT", suffix="/1"):
    return BODY, lambda size: {"method": method, "suffix": suffix, "data": make(size), "headers": JSON}


def header(name, make, method="PUT", suffix="/1"):
    sent = JSON if method == "PUT" else {}
    data = '{"title": "x"}' if method == "PUT" else None
    return HEADER, lambda size: {
        "method": method,
        "suffix": suffix,
        "data": data,
        "headers": {**sent, name: make(size)},
    }


def line(make):
    return LINE, lambda size: {"method": "GET", "suffix": make(size)}


PARTS = {
    "duplicate name": body(lambda size: last_twice(names(size))),
    "duplicate name in an inner object": body(lambda size: '{"title":' + last_twice(names(size - 20)) + "}"),
    "unknown fields": body(lambda size: "{" + ",".join(names(size)) + "}"),
    "one long unknown field": body(filled('{"', "title", '":1}')),
    "inner objects": body(filled('{"title":[', '{"a":{}},', "{}]}")),
    "nested lists": body(lambda size: '{"title":' + "[" * (size // 80) + "]" * (size // 80) + "}"),
    "long numbers": body(filled('{"title":[', "1" * 4_000 + ",", "1]}")),
    "long fraction": body(filled('{"title":0.', "1", "}")),
    "escapes": body(filled('{"title":"', "\\ud83d\\ude42", '"}')),
    "unpaired surrogates": body(filled('{"title":"', "\\ud83d", '"}')),
    "space in a title": body(filled('{"title":"a', " ", 'a"}')),
    "lines before an error": body(filled("{", "\n", "x")),
    "broken UTF-8 at the end": body(filled('{"title":"', "é", '\x80"}')),
    "unknown parameters": line(lambda size: "?" + "&".join(f"{number:x}=" for number in range(size // 5))),
    "repeated parameters": line(
        lambda size: "?" + "&".join(f"{number:x}=&{number:x}=" for number in range(size // 10))
    ),
    "percent signs": line(filled("?q=", "%25")),
    "digits of a limit": line(filled("?limit=", "9")),
    "long cursor": line(filled("?cursor=", "A")),
    "compressed cursor": line(filled("?cursor=.", "eJw", ".AAAA")),
    "dots of a cursor": line(filled("?cursor=", ".")),
    "long status": line(filled("?status=", "pending")),
    "digits of an id": line(filled("/", "9")),
    "slashes": line(filled("", "/")),
    "slashes at the end of an id": line(filled("/1", "/")),
    "tags": header("If-Match", filled("", '"1",', '"2"')),
    "weak tags": header("If-Match", filled("", 'W/"1" , ', '"2"')),
    "commas": header("If-Match", filled("", " ,", '"2"')),
    "broken tags": header("If-Match", filled("", '"1" , ', "x")),
    "long tag": header("If-Match", filled('"', "1", '"')),
    "known tags": header("If-None-Match", filled("", '"9", ', '"8"'), method="GET"),
    "broken known tags": header("If-None-Match", filled("", '"9" ', "x"), method="GET"),
    "escaped key": header("Idempotency-Key", filled('"', '\\"', "x")),
    "long key": header("Idempotency-Key", filled("", "x")),
    "parameters of a content type": header("Content-Type", filled("application/json", ";a=b")),
    "quotes in a content type": header("Content-Type", filled('application/json;charset="', '\\"', "")),
    "continued parameters": header("Content-Type", filled("application/json", ";a*0*=b")),
    "content codings": header("Content-Encoding", filled("", "identity,", "gzip")),
    "origin": header("Origin", filled("https://", "a."), method="GET"),
    "request id": header("X-Request-ID", filled("", "a", "é"), method="GET"),
    "trace": header("traceparent", filled(f"cc-{'1' * 32}-{'1' * 16}-01-", "a", ","), method="GET"),
    "host": header("Host", filled("", "a."), method="GET"),
    "digits of a host": header("Host", filled("x:", "9"), method="GET"),
    "accepted types": header("Accept", filled("", "a/b;q=0.1,"), method="GET", suffix=""),
    "quotes in accepted types": header("Accept", filled("", 'a/b;c="\\",'), method="GET", suffix=""),
    "continued accepted types": header("Accept", filled("", "a/b;c*0*=d,"), method="GET", suffix=""),
    "cookies": header("Cookie", filled("", "a=b; "), method="GET"),
    "forwarded addresses": header("X-Forwarded-For", filled("", "1.1.1.1, "), method="GET"),
    "asked headers": header("Access-Control-Request-Headers", filled("", "a, "), method="OPTIONS"),
    "ranges": header("Range", filled("bytes=", "0-1,"), method="GET"),
    "token": header("Authorization", filled("Bearer ", "a"), method="GET"),
    "dots of a token": header("Authorization", filled("Bearer ", "."), method="GET"),
    "spaces of a token": header("Authorization", filled("Bearer", " ", "a"), method="GET"),
}


@pytest.fixture(scope="module")
def cost(make_app, secret):
    """Sends a request three times, and returns the least processor time that it took."""
    app = make_app(CORS_ORIGINS="https://app.example,https://other.example")
    token = {"Authorization": f"Bearer {make_token(secret, user_id='reader')}"}
    http = app.test_client()

    def cost(method, suffix, data=None, headers=()):
        environ = {"headers": {**token, **dict(headers)}, "data": data.encode("latin-1") if data else None}
        times = []
        for _ in range(3):
            started = time.process_time()
            response = http.open("/api/reader/tasks" + suffix, method=method, **environ)
            times.append(time.process_time() - started)
            assert response.status_code < 500
            assert response.status_code not in {413, 414, 431}  # It was read.
        assert len(response.data) < 8_000 + len(suffix)  # Nothing that was sent comes back at length.
        return min(times)

    return cost


@pytest.mark.parametrize("part", PARTS)
def test_reading_takes_time_in_proportion_to_the_size(cost, part):
    largest, request = PARTS[part]
    small, large = cost(**request(largest // 4)), cost(**request(largest))
    assert large < 8 * small + 0.005, f"{small * 1000:.1f} ms for a quarter, {large * 1000:.1f} ms for all of it"
    assert large < 0.1
