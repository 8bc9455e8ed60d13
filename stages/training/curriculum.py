"""Which level of negatives training meets at each step (paper, figure of the seven orders)."""

import random

from stages.shared.records import BUCKETS
from stages.shared.seeds import derive_seed


def level_schedule(curriculum: str, steps: int, seed: int) -> list[int]:
    """The index into a sample's negatives (0 is N1, hardest; 3 is N4, easiest) for each of `steps` steps.

    coarse_to_fine meets N4, N3, N2, N1 in four equal phases, fine_to_coarse the reverse; n1..n4 stay at one level;
    random draws a level for each step.
    """
    levels = len(BUCKETS)
    if curriculum == "random":
        generator = random.Random(derive_seed(seed, "curriculum"))
        return [generator.randrange(levels) for _ in range(steps)]
    if curriculum == "coarse_to_fine":
        return [levels - 1 - step * levels // steps for step in range(steps)]
    if curriculum == "fine_to_coarse":
        return [step * levels // steps for step in range(steps)]
    return [BUCKETS.index(curriculum.upper())] * steps
