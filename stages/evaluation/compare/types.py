"""The MTEB type of a task by its name; its data are not needed."""

import logging

import mteb

from stages.evaluation.tasks import OWN_TASKS

OTHER = "Other"


def types_of(names: list[str]) -> dict[str, str]:
    """The types of tasks of ours and of mteb's; OTHER for one that today's code does not know any more."""
    logging.getLogger("mteb").setLevel(logging.ERROR)  # it warns of tasks that have a newer version
    return {name: _type_of(name) for name in names}


def _type_of(name: str) -> str:
    if name in OWN_TASKS:
        return OWN_TASKS[name].metadata.type
    try:
        return mteb.get_task(name).metadata.type
    except KeyError:
        return OTHER
