"""Where rows can be read from: some models of one evaluation."""

from collections.abc import Callable
from dataclasses import dataclass

from stages.shared.records import SampleScore

EVALUATION = "data/evaluation"
SAMPLES = "samples.parquet"


@dataclass(frozen=True, slots=True)
class Source:
    """The models of an evaluation that have samples, and how the rows of one are read."""

    models: list[str]
    read: Callable[[str], list[SampleScore]]
    commit: str = ""  # that the evaluation belongs to; a folder has none
