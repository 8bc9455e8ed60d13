"""What each step trains on: samples and level of negatives, known before the first one."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from stages.shared.records import TrainingSample
from stages.shared.settings import Settings
from stages.training.curriculum import level_schedule
from stages.training.data import group_of, load_samples
from stages.training.order import Order


@dataclass(frozen=True)
class Step:
    """One optimizer step."""

    levels: tuple[int, ...]  # of the graded negatives that it meets, () on retrieval pairs alone
    batches: list[list[TrainingSample]]  # `gradient_accumulation` of them


@dataclass(frozen=True)
class Phase:
    """Steps on the same samples."""

    samples: list[TrainingSample]
    order: Order
    levels: list[tuple[int, ...]]  # of each step


class Schedule:
    """All steps in order: the main phase, then the optional one on retrieval pairs alone."""

    def __init__(self, phases: list[Phase], accumulation: int):
        self.phases, self._accumulation = phases, accumulation

    @classmethod
    def from_settings(cls, settings: Settings, samples: list[TrainingSample] | None = None) -> "Schedule":
        """The schedule of a run; `samples` stand in for those that `training_data` names.

        Raises UserError if the samples do not fill a batch, or a file is missing or wrong.
        """
        params, options = settings.params, settings.profile.training
        samples = load_samples(params.training_data) if samples is None else samples
        levels = level_schedule(params.curriculum, options.steps, params.seed, options.curriculum_boundaries)
        phases = [Phase(samples, _order(samples, settings), levels)]
        if options.retrieval_steps:
            pairs = load_samples("retrieval")
            phases.append(Phase(pairs, _order(pairs, settings), [()] * options.retrieval_steps))
        return cls(phases, options.gradient_accumulation)

    def __len__(self) -> int:
        return sum(len(phase.levels) for phase in self.phases)

    def __getitem__(self, step: int) -> Step:
        """Step `step`, counted from 0. Raises IndexError past the last one."""
        for phase in self.phases:
            if step < len(phase.levels):
                first = step * self._accumulation
                numbers = range(first, first + self._accumulation)
                batches = [[phase.samples[row] for row in phase.order.batch(number)] for number in numbers]
                return Step(phase.levels[step], batches)
            step -= len(phase.levels)
        raise IndexError("there are no more steps")

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the ids and levels of all steps, in order: the same for the same order of training."""
        digest = hashlib.sha256()
        for step in self:
            digest.update(f"{step.levels}".encode())
            for batch in step.batches:
                digest.update("\x1f".join(sample.id for sample in batch).encode())
        return digest.hexdigest()[:16]


def _order(samples: list[TrainingSample], settings: Settings) -> Order:
    options = settings.profile.training
    groups = [group_of(sample) for sample in samples]
    return Order(groups, options.batch_size, settings.params.seed, apart=options.batches == "by_kind")
