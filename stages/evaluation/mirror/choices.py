"""From the tasks that a profile or a command line names to mteb's task objects."""

from mteb.abstasks import AbsTask

from stages.evaluation.registry import list_tasks
from stages.shared.errors import UserError
from stages.shared.settings import TaskChoice, load_settings


def chosen(names: list[str] | None) -> list[AbsTask]:
    """The tasks that `names` (NAME or NAME:SUBSET,SUBSET) choose, or else the profile's; an aggregate as its parts.

    Our own tasks are left out, since they need no data. Raises UserError for unknown names, or if nothing is left.
    """
    choices = load_settings().profile.evaluation.tasks if names is None else [_parse(name) for name in names]
    tasks = [part for listed in list_tasks(choices, []) if not listed.own for part in listed.parts]
    if not tasks:
        raise UserError(
            "the tasks are made of the held-out documents and need no data of the Hub",
            next="choose another profile in params.yaml, or name tasks of mteb: --task STS12 SciFact",
        )
    return tasks


def _parse(name: str) -> str | TaskChoice:
    task, colon, subsets = name.partition(":")
    return TaskChoice(task=task, subsets=subsets.split(",")) if colon else task
