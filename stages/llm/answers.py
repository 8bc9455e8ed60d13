"""What the kinds of prompts ask a model to write, as pydantic models; their JSON schemas go into the request."""

from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

BRAINSTORM, MGH, JUDGE = "brainstorm", "mgh", "judge"

TASKS_PER_ANSWER = 6
"""How many tasks one brainstorming request asks for."""

EXAMPLE = "The example:"
"""The line of a judge's prompt after which there is nothing but the example to judge, as JSON."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Brainstormed(_Answer):
    """Step 1 of MGH synthesis: retrieval tasks."""

    tasks: list[str]


class HardNegative(_Answer):
    similarity_level: str
    text: str


class MghSample(_Answer):
    """Step 2 of MGH synthesis: one sample with graded hard negatives."""

    query: str
    positive_example: str
    hard_negative_examples: list[HardNegative]


class Grade(_Answer):
    """A judge's opinion of one negative."""

    similarity_level: Literal["high", "medium", "low"]
    satisfies: bool


class Judged(_Answer):
    """Grades of a sample's negatives, in the order in which the prompt shows them."""

    grades: list[Grade]


@cache
def response_format(answer: type[BaseModel], purpose: str, kind: str) -> dict:
    """The `response_format` of a request for `answer`; its name tells purpose and task kind."""
    schema = {"name": f"{purpose}_{kind}", "strict": True, "schema": answer.model_json_schema()}
    return {"type": "json_schema", "json_schema": schema}
