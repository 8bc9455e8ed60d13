"""One split and subset of a task after its evaluation: what the rows of all task types are made from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mteb.abstasks import AbsTask

Values = Iterable[tuple[str, float, list[float]]]
"""Sample, gold and scores, as in SampleScore."""

Measured = tuple[str, Values] | None
"""The statistic that makes the main score of the values, and these; None where no samples make it."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """A split and subset with mteb's scores of it and the model's predictions for it."""

    task: AbsTask
    split: str
    subset: str
    scores: dict[str, Any]
    predictions: Any

    @property
    def metric(self) -> str:
        """The name of the task's main score."""
        return self.task.metadata.main_score

    @property
    def data(self) -> Any:
        """The split's data. A task in one language may hold its splits without a subset."""
        data = self.task.dataset
        alone = self.subset == "default" and self.subset not in data
        return data[self.split] if alone else data[self.subset][self.split]


def means(values: Iterable[float]) -> Values:
    """Values that are averaged, each named by its place."""
    return ((str(place), 0.0, [float(value)]) for place, value in enumerate(values))
