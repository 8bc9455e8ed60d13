"""Which level of negatives training meets at each step (paper, figure of the seven orders)."""

import random

from stages.shared.records import BUCKETS
from stages.shared.seeds import derive_seed

ALL = tuple(range(len(BUCKETS)))


def level_schedule(curriculum: str, steps: int, seed: int, boundaries: list[float]) -> list[tuple[int, ...]]:
    """The indices into a sample's negatives (0 is N1, hardest; 3 is N4, easiest) for each of `steps` steps.

    coarse_to_fine meets N4, N3, N2, N1, the next one from each of the `boundaries` (shares of the steps) on;
    fine_to_coarse the reverse; n1..n4 stay at one level; random draws a level for each step; all has the four at once,
    in every step.
    """
    if curriculum == "all":
        return [ALL] * steps
    if curriculum == "random":
        generator = random.Random(derive_seed(seed, "curriculum"))
        return [(generator.choice(ALL),) for _ in range(steps)]
    if curriculum in ("coarse_to_fine", "fine_to_coarse"):
        phases = [sum(step >= boundary * steps for boundary in boundaries) for step in range(steps)]
        return [(ALL[-1 - phase] if curriculum == "coarse_to_fine" else phase,) for phase in phases]
    return [(BUCKETS.index(curriculum.upper()),)] * steps
