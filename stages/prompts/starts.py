"""What a request starts from: a brainstormed task, a task and a text of the corpus, or a public retrieval pair."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, cycle

from stages.shared.errors import UserError
from stages.shared.records import KINDS, Document, Task
from stages.shared.seeds import derive_seed


@dataclass(frozen=True, slots=True)
class Start:
    """`document` is missing where a task stands alone, `task` where the document is a retrieval pair."""

    kind: str
    task: Task | None
    document: Document | None
    repeat: int  # 0 the first time that this source comes to this task or text, 1 the second, ...


def open_starts(
    sources: list[str], tasks: list[Task], documents: list[Document], seed: int
) -> dict[str, Iterator[Start]]:
    """An endless iterator of starts for each of `sources`, some or all of SOURCES.

    Texts are taken in random order. Retrieval takes them from the end and grounded from the beginning, and each goes
    on where the other began: however the two are mixed, no text comes again before all have come. The tasks of a
    kind are divided in the same way between the sources task and grounded.

    Raises UserError when a source lacks tasks of some kind, or documents.
    """
    by_kind = {kind: [task for task in tasks if task.kind == kind] for kind in KINDS}
    bare = [kind for kind, found in by_kind.items() if not found]
    if bare and ("task" in sources or "grounded" in sources):
        raise UserError(f"no task of kind {', '.join(bare)}", next="run `dvc repro brainstorm`")
    if not documents and ("grounded" in sources or "retrieval" in sources):
        raise UserError(
            "the corpus is empty, but prompts.sources has shares of grounded or retrieval",
            next="run `dvc repro corpus`, or set both shares to 0 in the profile",
        )
    order = list(documents)
    random.Random(derive_seed(seed, "prompts", "texts")).shuffle(order)
    opened = {
        "task": _from_tasks(by_kind),
        "grounded": _from_tasks_and_texts(by_kind, order),
        "retrieval": _from_pairs(order),
    }
    return {source: opened[source] for source in sources}


def _from_tasks(by_kind: dict[str, list[Task]]) -> Iterator[Start]:
    for number in count():
        kind = KINDS[number % len(KINDS)]
        again, place = divmod(number // len(KINDS), len(by_kind[kind]))
        yield Start(kind, by_kind[kind][place], None, again)


def _from_tasks_and_texts(by_kind: dict[str, list[Task]], order: list[Document]) -> Iterator[Start]:
    turns = {kind: cycle(reversed(found)) for kind, found in by_kind.items()}
    for number in count():
        again, place = divmod(number, len(order))
        kind = KINDS[(place + again) % len(KINDS)]  # moved on by one, so that a text comes again with another kind
        yield Start(kind, next(turns[kind]), order[place], again)


def _from_pairs(order: list[Document]) -> Iterator[Start]:
    for number in count():
        again, place = divmod(number, len(order))
        yield Start("short_long", None, order[-1 - place], again)
