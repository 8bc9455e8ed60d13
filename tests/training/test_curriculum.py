"""The seven orders in which training meets the levels of negatives."""

from collections import Counter

import pytest

from stages.training.curriculum import level_schedule

N1, N2, N3, N4 = range(4)
QUARTERS = [0.25, 0.5, 0.75]


def levels(curriculum, steps, seed=0, boundaries=QUARTERS):
    """The level of each step, for the orders that have one a step."""
    return [level for (level,) in level_schedule(curriculum, steps, seed, boundaries)]


@pytest.mark.parametrize(
    ("curriculum", "expected"),
    [
        ("coarse_to_fine", [N4, N4, N3, N3, N2, N2, N1, N1]),
        ("fine_to_coarse", [N1, N1, N2, N2, N3, N3, N4, N4]),
        ("n1", [N1] * 8),
        ("n2", [N2] * 8),
        ("n3", [N3] * 8),
        ("n4", [N4] * 8),
    ],
)
def test_schedule_is_the_papers(curriculum, expected):
    assert levels(curriculum, 8) == expected


@pytest.mark.parametrize("curriculum", ["coarse_to_fine", "fine_to_coarse"])
@pytest.mark.parametrize("steps", [4, 10, 101])
def test_phases_are_equal_to_within_one_step(curriculum, steps):
    counts = Counter(levels(curriculum, steps))
    assert set(counts) == {N1, N2, N3, N4}
    assert max(counts.values()) - min(counts.values()) <= 1


def test_boundaries_move_the_phases_and_may_leave_one_out():
    assert levels("coarse_to_fine", 10, boundaries=[0.5, 0.5, 0.9]) == [N4] * 5 + [N2] * 4 + [N1]
    assert levels("fine_to_coarse", 4, boundaries=[0.0, 1.0, 1.0]) == [N2] * 4


def test_all_levels_at_once():
    assert level_schedule("all", 2, 0, QUARTERS) == [(N1, N2, N3, N4)] * 2


def test_random_meets_every_level_about_equally_often():
    counts = Counter(levels("random", 4000))
    assert all(abs(counts[level] - 1000) < 100 for level in range(4))


def test_random_depends_on_the_seed_alone():
    assert levels("random", 50, 3) == levels("random", 50, 3)
    assert levels("random", 50, 3) != levels("random", 50, 4)
    assert levels("random", 80, 3)[:50] == levels("random", 50, 3)
