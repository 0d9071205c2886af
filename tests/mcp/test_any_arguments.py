"""Whatever a model sends, it gets a result or a sentence, and never an error of the server."""

import random

import pytest

from taskapp.mcp.definitions import READING, WRITING

ANY = [None, True, 0, -1, 2**63, 2**100, 1.5, "", " ", "x", "12", "-1", "true", "\0", "%", "é" * 300, "a,b", "-due"]
ANY += ["2026-11-27T00:00:00Z", "09:00", "Europe/Berlin", [], [1], ["a"], [[]], [None], {}, {"title": "t"}, [{"id": 1}]]
TEXTS = ["2026-12-01", "09:30", "t", "Europe/Berlin", "FREQ=DAILY", "-due", "a"]


def arguments_for(schema, choose):
    """A value for a schema, mostly of the right type."""
    kind = schema["type"]
    if choose.random() < 0.2:
        return choose.choice(ANY)
    if kind == "object":
        required = schema.get("required", ())
        names = [name for name in schema["properties"] if name in required or choose.random() < 0.5]
        return {name: arguments_for(schema["properties"][name], choose) for name in names}
    if kind == "array":
        return [arguments_for(schema["items"], choose) for _ in range(choose.randint(1, 3))]
    if kind == "integer":
        return choose.choice([1, 2, "2", 10**6])
    return choose.choice(schema.get("enum", TEXTS) if kind == "string" else [True, False])


@pytest.mark.parametrize("tool", [*READING, *WRITING], ids=lambda tool: tool.name)
def test_any_arguments(agent, tool):
    for seed in range(30):
        arguments = arguments_for(tool.input_schema, random.Random(seed))
        if isinstance(arguments, dict):
            result = agent.try_to_call(tool.name, arguments)
            assert result.content[0].text
            assert "(request " not in result.content[0].text, arguments
