"""The path of bulk writes is none of a task."""

import pytest

from tests.support.in_process import LocalUser


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_not_allowed(app, secret, method):
    response = LocalUser(app, secret).send(method, "/bulk")
    assert (response.status_code, set(response.allow)) == (405, {"POST", "OPTIONS"})


def test_options_say_so(app, secret):
    response = LocalUser(app, secret).send("OPTIONS", "/bulk")
    assert (response.status_code, set(response.allow)) == (204, {"POST", "OPTIONS"})
    assert LocalUser(app, secret).send("GET", "/bulk1").json["error"]["code"] == "TASK_NOT_FOUND"
