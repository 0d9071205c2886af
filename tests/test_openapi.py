"""The OpenAPI document says what the service does."""

import pytest

from taskapp.errors import ErrorEnvelope
from taskapp.tasks import schemas

OPERATIONS = {
    ("get", "/api/{user_id}/tasks"): 200,
    ("post", "/api/{user_id}/tasks"): 201,
    ("get", "/api/{user_id}/tasks/{task_id}"): 200,
    ("put", "/api/{user_id}/tasks/{task_id}"): 200,
    ("patch", "/api/{user_id}/tasks/{task_id}"): 200,
    ("delete", "/api/{user_id}/tasks/{task_id}"): 200,
    ("patch", "/api/{user_id}/tasks/{task_id}/complete"): 200,
}


@pytest.fixture
def document(alice):
    answer = alice.request("GET", "/openapi.json", token=None)
    assert answer.status == 200
    return answer.json


def test_document_has_every_operation_with_its_statuses(document):
    assert document["openapi"] == "3.1.0"
    operations = {
        (method, path) for path, item in document["paths"].items() for method in item if method != "parameters"
    }
    assert operations == OPERATIONS.keys()
    for (method, path), success in OPERATIONS.items():
        common = {"400", "401", "403", "413", "415", "422", "500", "503"}
        of_a_task = {"404"} if "{task_id}" in path else set()
        of_a_write = {"409"} if method != "get" else set()
        conditional = of_a_task and ({"304"} if method == "get" else {"412"})
        expected = {str(success), *common, *of_a_task, *of_a_write, *conditional}
        operation = document["paths"][path][method]
        assert operation["responses"].keys() == expected
        headers = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "header"}
        assert headers == {
            *({"Idempotency-Key"} if of_a_write else ()),
            *({"If-Match"} if "412" in expected else ()),
            *({"If-None-Match"} if "304" in expected else ()),
        }


def test_document_has_every_list_parameter(document):
    parameters = document["paths"]["/api/{user_id}/tasks"]["get"]["parameters"]
    assert {parameter["name"] for parameter in parameters} == {"status", "q", "sort", "limit", "cursor", "user_id"}


def test_answers_fit_their_schemas(alice):
    """What documents an answer is held against a real one: nothing missing, nothing more."""
    task = alice.post(json={"title": "t"})
    path = f"/{task.data['id']}"
    answers = [
        (schemas.TaskEnvelope(), task),
        (schemas.TaskEnvelope(), alice.get(path)),
        (schemas.TaskEnvelope(), alice.put(path, json={"description": "d"})),
        (schemas.TaskEnvelope(), alice.patch(path, json={"completed": True})),
        (schemas.TaskEnvelope(), alice.patch(path + "/complete")),
        (schemas.TaskListEnvelope(), alice.get()),
        (schemas.DeletionEnvelope(), alice.delete(path)),
        (ErrorEnvelope(), alice.get(path)),
        (ErrorEnvelope(), alice.post(json={})),
    ]
    for schema, answer in answers:
        assert schema.validate(answer.json) == {}
