"""The seven orders in which training meets the levels of negatives."""

from collections import Counter

import pytest

from stages.training.curriculum import level_schedule

N1, N2, N3, N4 = range(4)


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
    assert level_schedule(curriculum, 8, 0) == expected


@pytest.mark.parametrize("curriculum", ["coarse_to_fine", "fine_to_coarse"])
@pytest.mark.parametrize("steps", [4, 10, 101])
def test_phases_are_equal_to_within_one_step(curriculum, steps):
    counts = Counter(level_schedule(curriculum, steps, 0))
    assert set(counts) == {N1, N2, N3, N4}
    assert max(counts.values()) - min(counts.values()) <= 1


def test_random_meets_every_level_about_equally_often():
    counts = Counter(level_schedule("random", 4000, 0))
    assert all(abs(counts[level] - 1000) < 100 for level in range(4))


def test_random_depends_on_the_seed_alone():
    assert level_schedule("random", 50, 3) == level_schedule("random", 50, 3)
    assert level_schedule("random", 50, 3) != level_schedule("random", 50, 4)
    assert level_schedule("random", 80, 3)[:50] == level_schedule("random", 50, 3)
