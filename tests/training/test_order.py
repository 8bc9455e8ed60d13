"""The order of samples."""

import numpy as np
import pytest

from stages.shared.errors import UserError
from stages.training.order import Order

KINDS = ["a"] * 11 + ["b"] * 7 + ["c"] * 5


def drawn(groups=("a",) * 23, batches=12, seed=0, apart=False):
    order = Order(list(groups), 5, seed, apart=apart)
    return np.array([order.batch(number) for number in range(batches)])


def test_no_sample_comes_twice_in_an_epoch():
    for epoch in drawn().reshape(3, 20):
        assert len(set(epoch)) == 20
        assert set(epoch) <= set(range(23))


def test_epoch_that_batches_fill_is_a_permutation():
    for epoch in drawn(["a"] * 20).reshape(3, 20):
        assert sorted(epoch) == list(range(20))


def test_each_epoch_has_an_order_of_its_own_and_leaves_out_others():
    epochs = drawn().reshape(3, 20)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert len({frozenset(epoch) for epoch in epochs}) == 3


@pytest.mark.parametrize("apart", [False, True])
def test_order_is_a_pure_function_of_seed_and_batch_number(apart):
    assert np.array_equal(drawn(KINDS, seed=1, apart=apart), drawn(KINDS, seed=1, apart=apart))
    assert not np.array_equal(drawn(KINDS, seed=1, apart=apart), drawn(KINDS, seed=2, apart=apart))
    order = Order(KINDS, 5, 1, apart=apart)
    backwards = [order.batch(number) for number in reversed(range(12))]
    assert np.array_equal(backwards[::-1], drawn(KINDS, seed=1, apart=apart))


def test_batches_by_kind_hold_one_kind_each_and_all_kinds_in_every_epoch():
    batches = drawn(KINDS, 8, apart=True)
    kinds = [{KINDS[row] for row in batch} for batch in batches]
    assert all(len(kind) == 1 for kind in kinds)
    for epoch in (kinds[:4], kinds[4:]):  # 2 batches of a, 1 of b, 1 of c
        assert sorted(kind for (kind,) in epoch) == ["a", "a", "b", "c"]
    assert kinds[:4] != sorted(kinds[:4], key=str) or kinds[4:] != sorted(kinds[4:], key=str)


def test_too_few_samples_for_a_batch_are_told_with_both_numbers():
    with pytest.raises(UserError, match=r"there are 4 samples to train on, fewer than training\.batch_size=5"):
        Order(["a"] * 4, 5, 0, apart=False)


def test_kind_that_would_never_fill_a_batch_is_told():
    with pytest.raises(UserError, match=r"4 samples of kind b, fewer than training\.batch_size=5") as caught:
        Order(["a"] * 9 + ["b"] * 4, 5, 0, apart=True)
    assert "mixed" in str(caught.value)
    assert len(Order(["a"] * 9 + ["b"] * 4, 5, 0, apart=False).batch(0)) == 5
