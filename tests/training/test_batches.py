"""The order of samples."""

import numpy as np

from stages.training.batches import batch_indices


def drawn(samples=23, batch_size=5, batches=12, seed=0):
    return np.array(list(batch_indices(samples, batch_size, batches, seed)))


def test_as_many_full_batches_come_as_asked():
    assert drawn().shape == (12, 5)


def test_no_sample_comes_twice_in_an_epoch():
    for epoch in drawn().reshape(3, 20):
        assert len(set(epoch)) == 20
        assert set(epoch) <= set(range(23))


def test_epoch_that_batches_fill_is_a_permutation():
    for epoch in drawn(samples=20).reshape(3, 20):
        assert sorted(epoch) == list(range(20))


def test_each_epoch_has_an_order_of_its_own_and_leaves_out_others():
    epochs = drawn().reshape(3, 20)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert len({frozenset(epoch) for epoch in epochs}) == 3


def test_order_is_a_pure_function_of_the_seed():
    assert np.array_equal(drawn(seed=1), drawn(seed=1))
    assert not np.array_equal(drawn(seed=1), drawn(seed=2))
    assert np.array_equal(drawn(batches=7), drawn()[:7])
