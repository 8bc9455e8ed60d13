"""Pairs tasks with seed texts and fills in the template of the task's kind."""

import random
from pathlib import Path
from string import Template

from stages.shared.errors import UserError
from stages.shared.files import content_id
from stages.shared.records import KINDS, ChatRequest, Document, Task
from stages.shared.seeds import derive_seed
from stages.shared.text import seed_text

TEMPLATES = Path(__file__).parent / "templates"


def compose(tasks: list[Task], documents: list[Document], samples: int, seed: int) -> list[ChatRequest]:
    """`samples` requests: the kinds in turn, a kind's tasks in turn, and seed texts in random order.

    A text comes again only when all have been used, and then with another kind or task where there is one.
    Raises UserError when a kind has no task.
    """
    by_kind = {kind: [task for task in tasks if task.kind == kind] for kind in KINDS}
    if bare := [kind for kind, found in by_kind.items() if not found]:
        raise UserError(f"no task of kind {', '.join(bare)}", next="run `dvc repro brainstorm`")
    templates = {kind: Template((TEMPLATES / f"{kind}.txt").read_text(encoding="utf-8")) for kind in KINDS}
    order = list(documents)
    random.Random(derive_seed(seed, "prompts", "seeds")).shuffle(order)
    requests = []
    for number in range(samples):
        again, place = divmod(number, len(order))
        kind = KINDS[(place + again) % len(KINDS)]  # moved on by one from one pass over the texts to the next
        task, document = by_kind[kind][number // len(KINDS) % len(by_kind[kind])], order[place]
        prompt = templates[kind].substitute(task=task.description, seed=seed_text(document))
        request_id = content_id(task.id, document.id, prompt)
        requests.append(ChatRequest(request_id, task.id, document.id, kind, task.description, prompt))
    return requests
