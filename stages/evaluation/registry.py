"""From the entries under `evaluation.tasks` to task objects: ours, mteb's, and those of its benchmarks."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import mteb
from mteb.abstasks import AbsTask
from mteb.abstasks.aggregated_task import AbsTaskAggregate

from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError
from stages.shared.records import Document
from stages.shared.settings import TaskChoice

BENCHMARK = "MTEB(eng, v1)"  # the paper's 56 tasks


@dataclass(frozen=True)
class Listed:
    """One line of the result tables: a task, or the mean of several (CQADupstackRetrieval)."""

    name: str
    parts: list[AbsTask]
    whole: AbsTaskAggregate | None  # what makes one result of those of the parts

    @property
    def type(self) -> str:
        return (self.whole or self.parts[0]).metadata.type

    @property
    def own(self) -> bool:
        return self.name in OWN_TASKS

    def describe(self) -> dict:
        """What makes two results of this name comparable, as JSON."""
        metadata = (self.whole or self.parts[0]).metadata
        return {
            "type": metadata.type,
            "main_score": metadata.main_score,
            "revisions": {part.metadata.name: part.metadata.revision for part in self.parts},
            "splits": sorted({split for part in self.parts for split in part.eval_splits}),
            "subsets": sorted({subset for part in self.parts for subset in part.hf_subsets}),
        }


def list_tasks(choices: list[str | TaskChoice], documents: list[Document]) -> list[Listed]:
    """Fresh tasks, in the order of `choices`: mteb's random generators live in a task, so each model needs its own.

    A task of the paper's benchmark that is named alone comes with the benchmark's languages and splits (STS22 has 18
    language pairs, of which the benchmark counts one); any other one as mteb has it.

    Raises:
        UserError: for a name that is neither ours nor mteb's, a part that a task does not have, or a task that stands
            there twice with different parts.
    """
    makers: dict[str, tuple[tuple, Callable[[], Listed]]] = {}
    for choice in choices:
        for name, (parts, make) in _expand(choice, documents).items():
            if name in makers and (makers[name][0] != parts or isinstance(choice, TaskChoice) or choice == name):
                raise UserError(
                    f"evaluation.tasks names {name} more than once",
                    next="remove one of them, or the benchmark that has it too",
                )
            makers[name] = parts, make
    return [make() for _, make in makers.values()]


def check_names(choices: list[str | TaskChoice], instructions: dict[str, str]) -> None:
    """Raise UserError as `list_tasks` does, before any document is read, and for an instruction that none would get."""
    tasks = list_tasks(choices, [])
    known = {name for listed in tasks for name in (listed.name, listed.type, *(p.metadata.name for p in listed.parts))}
    if unknown := sorted(instructions.keys() - known):
        raise UserError(
            f"evaluation.instructions names {', '.join(unknown)}, which is neither a task of evaluation.tasks nor the "
            "type of one",
            next=f"choose among {', '.join(sorted(known)[:12])}{', ...' if len(known) > 12 else ''}",
        )


def by_part(choices: list[str | TaskChoice], instructions: dict[str, str]) -> dict[str, str]:
    """`instructions` as mteb looks them up: one for the mean of several tasks is one for each of them."""
    if not instructions:
        return {}
    tasks = [listed for listed in list_tasks(choices, []) if listed.name in instructions]
    return {part.metadata.name: instructions[listed.name] for listed in tasks for part in listed.parts} | instructions


def _expand(choice: str | TaskChoice, documents: list[Document]) -> dict[str, tuple[tuple, Callable[[], Listed]]]:
    """For each task that `choice` stands for: what is chosen of it, and how to make it."""
    if isinstance(choice, TaskChoice):
        _known(choice.task)
        return {choice.task: (_parts(choice.splits, choice.subsets), partial(_chosen, choice))}
    if choice in OWN_TASKS:
        return {choice: ((), lambda: Listed(choice, [OWN_TASKS[choice](documents)], None))}
    if benchmark := _benchmark(choice):
        return {task.metadata.name: _of_benchmark(task) for task in benchmark.tasks}
    for task in mteb.get_benchmark(BENCHMARK).tasks:
        if task.metadata.name == choice:
            return {choice: _of_benchmark(task)}
    _known(choice)
    return {choice: ((), partial(_listed, choice))}


def _of_benchmark(task: AbsTask) -> tuple[tuple, Callable[[], Listed]]:
    splits, subsets = list(task.eval_splits), list(task.hf_subsets)
    return _parts(splits, subsets), partial(_listed, task.metadata.name, splits, subsets)


def _parts(splits: list[str] | None, subsets: list[str] | None) -> tuple:
    return tuple(sorted(splits or ())), tuple(sorted(subsets or ()))


def _listed(name: str, splits: list[str] | None = None, subsets: list[str] | None = None) -> Listed:
    task = mteb.get_task(name, eval_splits=splits, hf_subsets=subsets)
    if not isinstance(task, AbsTaskAggregate):
        return Listed(name, [task], None)
    parts = [
        mteb.get_task(part.metadata.name, eval_splits=list(part.eval_splits), hf_subsets=list(part.hf_subsets))
        for part in task.tasks
    ]
    return Listed(name, parts, task)


def _chosen(choice: TaskChoice) -> Listed:
    metadata = mteb.get_task(choice.task).metadata
    for key, given, allowed in (
        ("subsets", choice.subsets, metadata.hf_subsets),
        ("splits", choice.splits, metadata.eval_splits),
    ):
        if unknown := [name for name in given or () if name not in allowed]:
            raise UserError(
                f"evaluation.tasks: {choice.task} has no {key} {', '.join(unknown)}; allowed: {', '.join(allowed)}",
                next=f"choose {key} among these, or leave them out for all",
            )
    return _listed(choice.task, choice.splits, choice.subsets)


def _benchmark(name: str) -> mteb.Benchmark | None:
    return next(
        (benchmark for benchmark in mteb.get_benchmarks() if name in {benchmark.name, *benchmark.aliases}), None
    )


def _known(name: str) -> None:
    """Raise UserError for a name that is no task of mteb."""
    if name in OWN_TASKS:
        raise UserError(f"evaluation.tasks: {name} is a task of ours, which has no parts", next=f"write {name} alone")
    try:
        mteb.get_task(name)
    except KeyError:
        pass
    else:
        return
    tasks = [task.metadata.name for task in mteb.get_tasks(exclude_superseded=False)]
    known = [*OWN_TASKS, *tasks, *(benchmark.name for benchmark in mteb.get_benchmarks())]
    close = difflib.get_close_matches(name, known)
    raise UserError(
        f"evaluation.tasks: given {name!r}, which is no task of ours and no task or benchmark of mteb "
        f"{mteb.__version__}" + (f"; did you mean {', '.join(close)}?" if close else ""),
        next=f"choose among ours ({', '.join(OWN_TASKS)}) or mteb's (`mteb available-tasks`, "
        "`mteb available-benchmarks`)",
    )
