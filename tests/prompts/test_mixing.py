from collections import Counter
from itertools import count, islice

import pytest

from stages.prompts.mixing import interleave, shuffle


@pytest.mark.parametrize(
    "shares",
    [
        {"a": 1.0},
        {"a": 0.8, "b": 0.2},
        {"a": 0.5, "b": 0.3, "c": 0.2},
        {"a": 7.0, "b": 1.0, "c": 1.0},
        {"a": 2**0.5, "b": 3**0.5, "c": 0.01},
    ],
)
def test_every_prefix_holds_each_key_within_one_of_its_share(shares):
    counts, total = dict.fromkeys(shares, 0), sum(shares.values())
    for number, key in enumerate(islice(interleave(shares), 2000), 1):
        counts[key] += 1
        assert all(abs(counts[one] - number * share / total) <= 1 for one, share in shares.items())


def test_a_share_of_nothing_never_comes():
    assert "b" not in set(islice(interleave({"a": 0.6, "b": 0.0, "c": 0.4}), 1000))


def test_shares_need_not_add_up_to_one():
    assert Counter(islice(interleave({"a": 3.0, "b": 1.0}), 400)) == {"a": 300, "b": 100}


def test_each_block_is_shuffled_within_itself_and_the_last_may_be_shorter():
    shuffled = list(shuffle(range(25), 10, 0))
    assert [sorted(shuffled[start : start + 10]) for start in (0, 10, 20)] == [
        *(list(range(10)), list(range(10, 20)), list(range(20, 25)))
    ]
    assert shuffled != list(range(25))


def test_shuffling_takes_no_more_than_a_block_of_an_endless_sequence():
    assert set(islice(shuffle(count(), 10, 0), 10)) == set(range(10))


def test_the_seed_alone_decides_the_order():
    first, again, other = (list(shuffle(range(50), 50, seed)) for seed in (0, 0, 1))
    assert first == again != other
