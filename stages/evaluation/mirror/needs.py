"""Which dataset repositories a list of tasks reads, and what the lock keeps of each task."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mteb.abstasks import AbsTask

from stages.evaluation.mirror.lock import DataSetEntry, TaskEntry
from stages.evaluation.mirror.statistics import shipped
from stages.evaluation.tasks import OWN_TASKS


class DataSetError(Exception):
    """One data set cannot be had; the others may."""


@dataclass
class Need:
    """A dataset repository at the revision that mteb pins, with the tasks that read it."""

    repository: str
    revision: str
    tasks: list[AbsTask] = field(default_factory=list)

    @property
    def names(self) -> str:
        """Of the tasks, each once, although several parts of one may be needed."""
        return ", ".join(dict.fromkeys(task.metadata.name for task in self.tasks))


def parts(tasks: Iterable[AbsTask]) -> Iterator[AbsTask]:
    """The tasks that read data of the Hub: an aggregate's parts in its place, our own tasks left out."""
    for task in tasks:
        if task.is_aggregate:
            yield from parts(task.tasks)
        elif task.metadata.name not in OWN_TASKS:
            yield task


def needed(tasks: Iterable[AbsTask]) -> list[Need]:
    """What these tasks read, each repository once per revision, in the order of the tasks."""
    needs: dict[tuple[str, str], Need] = {}
    for task in parts(tasks):
        key = task.metadata.dataset["path"], task.metadata.dataset["revision"]
        needs.setdefault(key, Need(*key)).tasks.append(task)
    return list(needs.values())


def entries(tasks: Iterable[AbsTask], known: dict[str, TaskEntry]) -> dict[str, TaskEntry]:
    """`known` with the entries of `tasks` added; splits and subsets of a task that is known are joined with the new."""
    joined = dict(known)
    for task in tasks:
        name = task.metadata.name
        before = joined.get(name)
        splits = _union(before.splits if before else [], task.eval_splits)
        subsets = _union(before.subsets if before else [], task.hf_subsets)
        joined[name] = TaskEntry(
            type=task.metadata.type, splits=splits, subsets=subsets, statistics=shipped(task, splits, subsets)
        )
    return joined


def refuse_two_revisions(known: DataSetEntry | None, need: Need) -> None:
    """Raise DataSetError if `need` wants another revision than the one that tasks outside of it have here.

    A folder holds one revision of a repository; a newer mteb may replace it, but for all the tasks that read it.
    """
    if known is None or known.revision == need.revision:
        return
    if left := sorted(known.tasks.keys() - {task.metadata.name for task in need.tasks}):
        raise DataSetError(
            f"it is here at revision {known.revision[:7]} for {', '.join(left)}, and {need.names} needs "
            f"{need.revision[:7]}: keep that in another folder, or, if a newer mteb has moved them all, name them all"
        )


def _union(first: Iterable[str], second: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*first, *second]))
