"""Where rows can be read from: some models of one evaluation."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stages.shared.errors import UserError
from stages.shared.records import SampleScore

EVALUATION = "data/evaluation"
SAMPLES = "samples.parquet"
TASKS = "tasks.json"  # mteb's version, and the revision of each task's data


@dataclass(frozen=True, slots=True)
class Source:
    """The models of an evaluation that have samples, how the rows of one are read, and what was evaluated."""

    models: list[str]
    read: Callable[[str], list[SampleScore]]
    tasks: dict  # of TASKS; empty where there is none
    commit: str = ""  # that the evaluation belongs to; a folder has none


def read_tasks(folder: Path) -> dict:
    """What TASKS in `folder` tells; empty where there is none. Raises UserError as `parse_tasks` does."""
    path = folder / TASKS
    return parse_tasks(path.read_bytes(), str(path)) if path.is_file() else {}


def parse_tasks(content: bytes, where: str) -> dict:
    """What TASKS tells. Raises UserError, which names it as `where`, for anything but what the evaluation writes."""
    try:
        found = json.loads(content)
    except ValueError:  # also for bytes that are no text
        found = None
    tasks = found.get("tasks") if isinstance(found, dict) and "mteb" in found else None
    described = tasks.values() if isinstance(tasks, dict) else [None]
    if not all(isinstance(task, dict) and isinstance(task.get("revisions", {}), dict) for task in described):
        raise UserError(f"{where} is not the file that the evaluation writes", next="run `dvc repro evaluation`")
    return found
