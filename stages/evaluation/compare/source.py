"""Where rows can be read from: some models of one evaluation."""

from collections.abc import Callable
from dataclasses import dataclass

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
