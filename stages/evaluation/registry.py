"""From the names under `evaluation.tasks` to task objects: ours, or any that mteb knows."""

import difflib

import mteb
from mteb.abstasks import AbsTask

from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError
from stages.shared.records import Document

BENCHMARK = "MTEB(eng, v1)"  # the paper's 56 tasks


def check_names(names: list[str]) -> None:
    """Raise UserError for a name that is neither ours nor mteb's, or that stands there twice."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"evaluation.tasks names {', '.join(twice)} more than once", next="remove the repetition")
    for name in names:
        if name not in OWN_TASKS and not _mteb_has(name):
            known = [*OWN_TASKS, *(task.metadata.name for task in mteb.get_tasks(exclude_superseded=False))]
            close = difflib.get_close_matches(name, known)
            raise UserError(
                f"evaluation.tasks: given {name!r}, which is no task of ours or of mteb {mteb.__version__}"
                + (f"; did you mean {', '.join(close)}?" if close else ""),
                next=f"choose among ours ({', '.join(OWN_TASKS)}) or mteb's (`mteb available-tasks`)",
            )


def make_task(name: str, documents: list[Document]) -> AbsTask:
    """A fresh task of a known name: mteb's generators live in the task object, so each model needs its own.

    A task of the paper's benchmark comes with the benchmark's languages and splits (STS22 has 18 language pairs, of
    which the benchmark counts one); any other one as mteb has it.
    """
    if name in OWN_TASKS:
        return OWN_TASKS[name](documents)
    for task in mteb.get_benchmark(BENCHMARK).tasks:
        if task.metadata.name == name:
            return mteb.get_task(name, eval_splits=task.eval_splits, hf_subsets=task.hf_subsets)
    return mteb.get_task(name)


def _mteb_has(name: str) -> bool:
    try:
        mteb.get_task(name)
    except KeyError:
        return False
    return True
