"""Ask for tasks of one kind until there are enough different ones."""

from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template

from pydantic import ValidationError

from stages.llm.answers import BRAINSTORM, TASKS_PER_ANSWER, Brainstormed, response_format
from stages.llm.requests import Answer, LlmRequest
from stages.shared.errors import UserError
from stages.shared.files import content_id
from stages.shared.records import Task
from stages.shared.seeds import derive_seed
from stages.shared.text import normalised

TEMPLATES = Path(__file__).parent / "templates"
MAX_ROUNDS = 8
MIN_WORDS, MAX_CHARACTERS = 5, 400

Ask = Callable[[list[LlmRequest]], list[Answer]]


def brainstorm(kind: str, wanted: int, seed: int, ask: Ask) -> tuple[list[Task], dict[str, int]]:
    """`wanted` different tasks of `kind` in the order in which they came, and counts of what was left out.

    Each round asks for what is still missing, with new seeds. Raises UserError when `MAX_ROUNDS` rounds do not suffice.
    """
    prompt = Template((TEMPLATES / f"{kind}.txt").read_text(encoding="utf-8")).substitute(count=TASKS_PER_ANSWER)
    found: dict[str, Task] = {}
    left_out = {"invalid_answer": 0, "unusable": 0, "duplicate": 0}
    asked = 0
    for _ in range(MAX_ROUNDS):
        missing = -(-(wanted - len(found)) // TASKS_PER_ANSWER)
        seeds = [derive_seed(seed, "brainstorm", kind, number) for number in range(asked, asked + missing)]
        asked += missing
        answers = ask([LlmRequest(prompt, response_format(Brainstormed, BRAINSTORM, kind), one) for one in seeds])
        for description in _descriptions(answers, left_out):
            key = normalised(description)
            if key in found:
                left_out["duplicate"] += 1
            elif len(key.split()) < MIN_WORDS or len(description) > MAX_CHARACTERS:
                left_out["unusable"] += 1
            else:
                found[key] = Task(content_id(kind, description), kind, description)
        if len(found) >= wanted:
            return list(found.values())[:wanted], left_out
    raise UserError(
        f"{asked} requests gave only {len(found)} of {wanted} different tasks of kind {kind} (left out: {left_out})",
        next="lower brainstorm.tasks_per_kind, raise llm.temperature, or choose a model that follows the JSON schema",
    )


def _descriptions(answers: list[Answer], left_out: dict[str, int]) -> Iterator[str]:
    for answer in answers:
        try:
            yield from (" ".join(task.split()) for task in Brainstormed.model_validate_json(answer.text).tasks)
        except ValidationError:
            left_out["invalid_answer"] += 1
