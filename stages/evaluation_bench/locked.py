"""The tasks that a mirror's lock names, and choices among them. Loads no numpy: the bench itself calls it too."""

from pathlib import Path
from typing import NamedTuple

from stages.evaluation.mirror.lock import read_lock
from stages.shared.settings import TaskChoice


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


def smallest(mirror: Path) -> dict[str, LockedTask]:
    """One task of each type."""
    return {task.type: task for task in reversed(tasks(mirror))}
