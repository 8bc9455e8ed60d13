"""From the tasks that a profile or a command line names to mteb's task objects."""

from mteb.abstasks import AbsTask

from stages.evaluation.registry import Listed, list_tasks
from stages.shared.errors import UserError
from stages.shared.settings import TaskChoice, load_settings


def chosen(names: list[str] | None) -> list[AbsTask]:
    """The tasks that `names` (NAME or NAME:SUBSET,SUBSET) choose, or else the profile's; an aggregate as its parts.

    Our own tasks are left out, since they need no data. A task may be named more than once, in parts or in a benchmark.
    Raises UserError for unknown names, or if nothing is left.
    """
    listed = list_tasks(load_settings().profile.evaluation.tasks, []) if names is None else _listed(names)
    tasks = [part for one in listed if not one.own for part in one.parts]
    if not tasks:
        raise UserError(
            "the tasks are made of the held-out documents and need no data of the Hub",
            next="choose another profile in params.yaml, or name tasks of mteb: --task STS12 SciFact",
        )
    return tasks


def _listed(names: list[str]) -> list[Listed]:
    """Each name for itself: what several ask for is joined in the lock."""
    try:
        return [one for name in names for one in list_tasks([_parse(name)], [])]
    except UserError as error:
        raise UserError(f"--task: {error.args[0].removeprefix('evaluation.tasks: ')}", next=error.next) from error


def _parse(name: str) -> str | TaskChoice:
    task, colon, subsets = name.partition(":")
    return TaskChoice(task=task, subsets=subsets.split(",")) if colon else task
