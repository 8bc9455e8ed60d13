"""The texts of a batch, and what must not count as a negative."""

from dataclasses import replace

from stages.training.texts import batch_texts


def test_queries_positives_and_the_levels_negatives_stand_in_this_order(samples):
    batch = batch_texts(samples[:3], (1,))
    assert batch.texts[:3] == [row.query for row in samples[:3]]
    assert batch.texts[3:6] == [row.positive for row in samples[:3]]
    assert batch.texts[6:] == [row.negatives[1] for row in samples[:3]]
    assert batch.ids == ["s0", "s1", "s2"]
    assert batch.owner.tolist() == [0, 1, 2]


def test_instructions_stand_before_queries_alone(samples):
    batch = batch_texts(samples[:2], (0,))
    assert batch.instructions == [row.instruction for row in samples[:2]] + [""] * 4


def test_samples_without_graded_negatives_bring_none(samples):
    mixture = [samples[0], replace(samples[1], negatives=[]), samples[2]]
    batch = batch_texts(mixture, (0, 3))
    assert batch.owner.tolist() == [0, 2, 0, 2]
    assert [text[:2] for text in batch.texts[6:]] == ["N1", "N1", "N4", "N4"]
    assert batch_texts([replace(row, negatives=[]) for row in samples[:2]], (2,)).owner.tolist() == []


def test_equal_positives_and_positives_of_equal_queries_are_no_negatives(samples):
    first, second, third = samples[:3]
    twins = [first, replace(second, positive=first.positive), replace(third, query=first.query)]
    same = batch_texts(twins, ()).same
    assert same.tolist() == [[False, True, True], [True, False, False], [True, False, False]]


def test_graded_negative_that_equals_a_positive_is_none_of_that_query(samples):
    first, second = samples[:2]
    tricky = replace(second, negatives=[first.positive] * 4)
    same = batch_texts([first, tricky], (0,)).same
    assert same.tolist() == [[False, False, False, True], [False, False, False, False]]


def test_nothing_is_left_out_of_a_batch_of_different_texts(samples):
    assert not batch_texts(samples[:6], (0, 1, 2, 3)).same.any()
