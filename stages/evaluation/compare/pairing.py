"""The samples that two runs have in common."""

from collections import defaultdict
from dataclasses import dataclass, field

from stages.shared.records import SampleScore

Rows = list[SampleScore]
Revisions = dict[str, str]  # of the data of a task's parts


@dataclass(slots=True)
class Pairing:
    """Rows of the same samples by task, and what has no partner."""

    tasks: dict[str, tuple[Rows, Rows]] = field(default_factory=dict)  # A's and B's rows, equally long and in one order
    only_first: list[str] = field(default_factory=list)  # tasks
    only_second: list[str] = field(default_factory=list)
    unpaired: dict[str, tuple[int, int]] = field(default_factory=dict)  # by task of both: samples of A and of B alone
    other_data: dict[str, tuple[Revisions, Revisions]] = field(default_factory=dict)  # by task of both: A's and B's


def pair(first: Rows, second: Rows, other_data: dict[str, tuple[Revisions, Revisions]]) -> Pairing:
    """Pair rows that agree in task, stratum, sample, statistic and gold: another label makes another sample.

    The tasks of `other_data` are left out: many samples are named by their place, where other data have other ones.
    """
    ours, theirs = _by_task(first), _by_task(second)
    pairing = Pairing()
    pairing.only_first = [task for task in ours if task not in theirs]
    pairing.only_second = [task for task in theirs if task not in ours]
    for task in ours:
        if task not in theirs:
            continue
        if task in other_data:
            pairing.other_data[task] = other_data[task]
            continue
        shared = [key for key in ours[task] if key in theirs[task]]
        alone = len(ours[task]) - len(shared), len(theirs[task]) - len(shared)
        if any(alone):
            pairing.unpaired[task] = alone
        if shared:
            pairing.tasks[task] = [ours[task][key] for key in shared], [theirs[task][key] for key in shared]
    return pairing


def _by_task(rows: Rows) -> dict[str, dict[tuple, SampleScore]]:
    tasks: dict[str, dict[tuple, SampleScore]] = defaultdict(dict)
    for row in rows:
        tasks[row.task][row.stratum, row.sample, row.statistic, row.gold] = row
    return dict(tasks)
