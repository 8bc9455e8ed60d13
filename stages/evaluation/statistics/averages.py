"""From the scores of tasks to those of MTEB's types and to the two means over everything."""

from collections import defaultdict
from dataclasses import dataclass

from stages.evaluation.statistics.estimate import Estimate, average


@dataclass(frozen=True, slots=True)
class Averages:
    """Scores, or differences, on every level. One that hangs on an unknown estimate is unknown too."""

    tasks: dict[str, Estimate]
    types: dict[str, Estimate]  # in the order in which they come among the tasks
    mean_task: Estimate  # each task counts once
    mean_type: Estimate  # each type counts once


def averages(tasks: dict[str, Estimate], types: dict[str, str]) -> Averages:
    """The means of `tasks` over each type of `types`, over all tasks, and over the types' means."""
    members: dict[str, list[Estimate]] = defaultdict(list)
    for name, estimate in tasks.items():
        members[types[name]].append(estimate)
    by_type = {kind: average(estimates) for kind, estimates in members.items()}
    return Averages(tasks, by_type, average([*tasks.values()]), average([*by_type.values()]))
