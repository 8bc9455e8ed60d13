"""What both sides of the speed case share: the texts of the warm-up, the tasks, and what is said at the end.

Imports no package that loads numpy or torch: a process fixes its threads before they are.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from benching.made_up import Writer
from benching.processes import peak_mib

from stages.evaluation_bench.clock import Clock
from stages.shared.settings import TaskChoice

ENCODER, BACKBONE = "data/encoder", "data/backbone"
TEXTS = 64


def sample() -> list[str]:
    """Texts that both sides encode before anything is timed; their embeddings must agree."""
    writer = Writer("speed")
    return [writer.text(1 + 3 * number) for number in range(TEXTS)]


def listed(mirror: str, tasks: list[dict]) -> list:
    """The tasks, as the evaluation lists them, with their data in the mirror."""
    from stages.evaluation.mirror.use import Mirror
    from stages.evaluation.registry import list_tasks

    opened, found = Mirror.open(mirror), list_tasks([TaskChoice(**task) for task in tasks], [])
    for one in found:
        for part in one.parts:
            opened.attach(part)
    return found


@contextmanager
def measured(model: type) -> Iterator[dict]:
    """Fills what it gives when the block ends: seconds in all and encoding, texts, peak memory of the process."""
    clock, found, start = Clock(), {}, time.perf_counter()
    clock.watch(model)
    yield found
    found["seconds"], found["encoding"] = time.perf_counter() - start, clock.seconds
    found["texts"], found["peak_mib"] = clock.texts, peak_mib()
