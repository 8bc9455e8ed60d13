"""The answer schemas that go into each request."""

import pytest

from stages.llm.answers import BRAINSTORM, JUDGE, MGH, Brainstormed, Judged, MghSample, response_format


def _objects(schema):
    """All object schemas inside `schema`."""
    if isinstance(schema, dict):
        yield from [schema] if schema.get("type") == "object" else []
        for value in schema.values():
            yield from _objects(value)


@pytest.mark.parametrize(("answer", "purpose"), [(Brainstormed, BRAINSTORM), (MghSample, MGH), (Judged, JUDGE)])
def test_schema_is_strict_as_openai_requires(answer, purpose):
    form = response_format(answer, purpose, "short_long")
    assert form["type"] == "json_schema"
    assert form["json_schema"]["name"] == f"{purpose}_short_long"
    assert form["json_schema"]["strict"] is True
    objects = list(_objects(form["json_schema"]["schema"]))
    assert objects
    for item in objects:
        assert item["additionalProperties"] is False
        assert set(item["required"]) == set(item["properties"])
