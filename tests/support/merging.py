"""Sends updates that may be merged, and checks their responses."""

DUE = {"due_date": "2026-12-24", "due_time": "17:00", "time_zone": "Europe/Berlin"}
FULL = {**DUE, "title": "first", "description": None, "completed": False, "priority": "low", "tags": ["a"]}


def merge(client, base, body=..., *, method="PUT", suffix="", prefer="merge=disjoint", **headers):
    """Send an update of the version ``base``, and check all that each response has."""
    headers = {"If-Match": f'"{base["version"]}"', "Prefer": prefer, **headers}
    path = f"{client.tasks}/{base['id']}{suffix}"
    before = client.get(f"/{base['id']}")
    response = client.request(method, path, headers=headers, **({} if body is ... else {"json": body}))
    after = client.get(f"/{base['id']}")
    if response.status == 200 and response.headers["Idempotency-Replayed"] is None:
        assert response.data == after.data
        assert response.headers["ETag"] == f'"{response.data["version"]}"' == f'"{response.headers["Change"]}"'
        assert response.data["version"] > before.data["version"]
    if response.status != 200:
        assert response.headers["Preference-Applied"] is None
        assert after.body == before.body
    return response


def assert_merged(response, **fields):
    assert (response.status, response.headers["Preference-Applied"]) == (200, "merge=disjoint")
    assert {name: response.data[name] for name in fields} == fields


def assert_conflict(response, changed):
    assert (response.status, response.error["code"]) == (412, "PRECONDITION_FAILED")
    assert response.error["details"]["changed"] == changed
