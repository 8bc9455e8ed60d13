"""From the tasks that a profile or a command line names to mteb's task objects."""

import difflib

import mteb
from mteb.abstasks import AbsTask

from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError
from stages.shared.settings import TaskChoice, load_settings


def chosen(names: list[str] | None) -> list[AbsTask]:
    """The tasks that `names` (NAME or NAME:SUBSET,SUBSET) choose, or else the profile's. Raises UserError.

    Our own tasks are left out, since they need no data.
    """
    choices = load_settings().profile.evaluation.tasks if names is None else [_parse(name) for name in names]
    tasks = [task for choice in choices for task in _tasks(choice)]
    if not tasks:
        raise UserError(
            "the tasks of the profile are made of the held-out documents and need no data of the Hub",
            next="choose another profile in params.yaml, or name tasks: --task STS12 SciFact",
        )
    return tasks


def _parse(name: str) -> TaskChoice:
    task, colon, subsets = name.partition(":")
    return TaskChoice(task=task, subsets=subsets.split(",") if colon else None)


def _tasks(choice: str | TaskChoice) -> list[AbsTask]:
    choice = TaskChoice(task=choice) if isinstance(choice, str) else choice
    if choice.task in OWN_TASKS:
        return []
    try:
        if choice.task in {benchmark.name for benchmark in mteb.get_benchmarks()}:
            return list(mteb.get_benchmark(choice.task).tasks)
        return [mteb.get_task(choice.task, hf_subsets=choice.subsets, eval_splits=choice.splits)]
    except KeyError as error:
        close = difflib.get_close_matches(choice.task, [task.metadata.name for task in mteb.get_tasks()])
        raise UserError(
            f"mteb {mteb.__version__} has no task or benchmark {choice.task!r}"
            + (f"; did you mean {', '.join(close)}?" if close else ""),
            next="`mteb available-tasks` lists them",
        ) from error
    except ValueError as error:
        raise UserError(f"{choice.task}: {error}", next="leave the subsets out, or name some that it has") from error
