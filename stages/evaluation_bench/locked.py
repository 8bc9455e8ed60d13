"""The tasks that a mirror's lock names, and choices among them. Loads no numpy: the bench itself calls it too."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from stages.evaluation.mirror.lock import read_lock
from stages.shared.settings import TaskChoice

QUICK_TYPES = ("Reranking", "Retrieval", "STS")  # those that take seconds


class LockedTask(NamedTuple):
    """A task with the parts of it that the mirror holds."""

    type: str
    name: str
    subsets: list[str]
    splits: list[str]
    size: int  # bytes of its data set

    def choice(self) -> TaskChoice:
        return TaskChoice(task=self.name, subsets=self.subsets, splits=self.splits)


def tasks(mirror: Path) -> list[LockedTask]:
    """By type, and within it the one with the smallest data set first."""
    found = [
        LockedTask(task.type, name, task.subsets, task.splits, entry.size)
        for entry in read_lock(mirror).datasets.values()
        for name, task in entry.tasks.items()
    ]
    return sorted(found, key=lambda task: (task.type, task.size, task.name))


def smallest(mirror: Path, types: Collection[str]) -> dict[str, LockedTask]:
    """One task of each of `types` that the mirror has, in their order."""
    found = {task.type: task for task in reversed(tasks(mirror))}
    return {kind: found[kind] for kind in types if kind in found}
