"""A user who imports files, by an application in this process."""

import json

from tests.support.in_process import LocalUser

NDJSON, CSV = "application/x-ndjson", "text/csv"
# Arbitrary uids.
UIDS = [f"0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f{number:02}" for number in range(20)]
# What the service into which a task is imported decides itself.
OWN = ("id", "user_id", "version", "updated_at")


def ndjson(*tasks):
    """A file with a line for each task."""
    return "".join(f"{json.dumps(task, ensure_ascii=False, separators=(',', ':'))}\n" for task in tasks)


def without_own(task):
    """A task without what the service decides itself."""
    return {name: value for name, value in task.items() if name not in OWN}


class Importer(LocalUser):
    """Imports files, and reads what became of them."""

    def send_file(self, file, query="", *, kind=NDJSON, **options):
        """Send a file, text or bytes, and return the response."""
        headers = {**({"Content-Type": kind} if kind else {}), **options.pop("headers", {})}
        data = file.encode() if isinstance(file, str) else file
        return self.send("POST", f"/import{query}", data=data, headers=headers, **options)

    def imported(self, file, query="", **options):
        """The result of an import that succeeds."""
        response = self.send_file(file, query, **options)
        assert response.status_code == 200, response.json
        assert response.headers.get("Change") == (str(n) if (n := response.json["data"]["change"]) else None)
        return response.json["data"]

    def results(self, *tasks, query="", **options):
        """What becomes of each line of a file of these tasks."""
        return [line["result"] for line in self.imported(ndjson(*tasks), query, **options)["lines"]]

    def details(self, file, query="", *, status=422, **options):
        """What is wrong with a file: the sentences by place."""
        response = self.send_file(file, query, **options)
        assert response.status_code == status, response.json
        return {place: " ".join(sentences) for place, sentences in response.json["error"]["details"].items()}

    def create(self, **fields):
        """Create a task and return it."""
        response = self.send("POST", json={"title": "t", **fields})
        assert response.status_code == 201, response.json
        return response.json["data"]

    def tasks(self):
        """All tasks by id."""
        return self.send("GET", "?sort=id&limit=1000").json["data"]

    def exported(self):
        """The file of all tasks."""
        return ndjson(*self.tasks())


def assert_imports_keep_users_apart(alice, bob):
    """Of a file of the other user's tasks, with their uids and an occurrence of their series."""
    bob.create(title="theirs", due_date="2035-01-01", time_zone="UTC", recurrence={"rule": "FREQ=DAILY"})
    bob.create(title="theirs", tags=["a"])
    theirs = bob.get("?sort=id").data
    before = [theirs, bob.request("GET", f"{bob.changes}?after=0").data]
    headers, number = {"Content-Type": "application/x-ndjson"}, len(theirs)
    for title, query, result in (
        ("theirs", "?existing=refuse&dry_run=true", "created"),
        ("theirs", "?existing=refuse", "created"),
        ("mine", "?existing=skip", "skipped"),
        ("mine", "?existing=update", "updated"),
        ("mine", "?existing=refuse", "unchanged"),
    ):
        file = ndjson(*({**task, "title": title} for task in theirs)).encode()
        assert alice.post(f"/import{query}", body=file, headers=headers).data[result] == number
        assert [bob.get("?sort=id").data, bob.request("GET", f"{bob.changes}?after=0").data] == before
    assert [(task["title"], task["user_id"]) for task in alice.get().data] == [("mine", alice.user_id)] * number
    assert not {task["id"] for task in alice.get().data} & {task["id"] for task in theirs}
