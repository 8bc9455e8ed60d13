"""Numbers for the reader."""

import pytest

from stages.training.plan.numbers import duration, short, size


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (999, "999"), (1000, "1 k"), (1_234_567, "1.23 M"), (7.1e9, "7.1 G"), (2e13, "20 T")]
)
def test_counts(count, text):
    assert short(count) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0.0 MiB"), (2**20, "1.0 MiB"), (2**30 - 2**20, "1,023.0 MiB"), (2**30, "1.0 GiB")]
)
def test_bytes(count, text):
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "3 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2.0 h")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
