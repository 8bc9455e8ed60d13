"""InfoNCE against numbers worked out by hand."""

import math

import pytest
import torch

from stages.training.loss import info_nce

QUERY = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
POSITIVE = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
NEGATIVE = torch.tensor([[0.0, 5.0]])
HALF = math.sqrt(0.5)  # the cosine of 45 degrees


def cross_entropy(cosines, own, temperature):
    exponents = [math.exp(cosine / temperature) for cosine in cosines]
    return -math.log(exponents[own] / sum(exponents))


@pytest.mark.parametrize("temperature", [1.0, 0.05])
def test_loss_is_the_mean_cross_entropy_over_all_positives_and_all_negatives(temperature):
    loss = info_nce(QUERY, POSITIVE, NEGATIVE, temperature).losses.mean()
    rows = [([1, HALF, 0], 0), ([0, HALF, 1], 1)]  # cosines of each query to both positives and the negative
    expected = sum(cross_entropy(cosines, own, temperature) for cosines, own in rows) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_without_graded_negatives_the_other_positives_are_the_negatives():
    contrast = info_nce(QUERY, POSITIVE, torch.empty(0, 2), 1.0)
    loss, accuracy = contrast.losses.mean(), contrast.accuracy
    expected = (cross_entropy([1, HALF], 0, 1.0) + cross_entropy([0, HALF], 1, 1.0)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert accuracy.item() == 1


def test_accuracy_is_the_share_of_queries_whose_own_positive_scores_highest():
    assert info_nce(QUERY, POSITIVE, NEGATIVE, 1.0).accuracy.item() == 0.5  # the negative is nearer to the second query


def test_length_of_an_embedding_does_not_matter():
    loss = info_nce(QUERY, POSITIVE, NEGATIVE, 0.1).losses
    scaled = info_nce(7 * QUERY, 0.5 * POSITIVE, 3 * NEGATIVE, 0.1).losses
    assert scaled.tolist() == pytest.approx(loss.tolist(), rel=1e-6)


def test_each_negative_adds_to_every_querys_loss():
    generator = torch.Generator().manual_seed(0)
    query, positive, negative = (torch.randn(4, 8, generator=generator).requires_grad_() for _ in range(3))
    fewer = info_nce(query, positive, negative[:2], 1.0).losses.mean()
    more = info_nce(query, positive, negative, 1.0).losses.mean()
    assert more > fewer
    more.backward()
    assert all(bool(tensor.grad.abs().sum(dim=1).gt(0).all()) for tensor in (query, positive, negative))


def test_documents_that_are_no_negatives_leave_the_sum():
    same = torch.tensor([[False, True, False], [False, False, True]])
    contrast = info_nce(QUERY, POSITIVE, NEGATIVE, 1.0, same=same)
    expected = [cross_entropy([1, 0], 0, 1.0), cross_entropy([0, HALF], 1, 1.0)]
    assert contrast.losses.tolist() == pytest.approx(expected, rel=1e-5)
    assert contrast.accuracy.item() == 1
    assert contrast.masked.item() == pytest.approx(2 / 4)


def test_margin_leaves_out_what_is_much_nearer_than_the_positive_but_never_a_querys_own_graded_negative():
    other = info_nce(QUERY, POSITIVE, NEGATIVE, 1.0, owner=torch.tensor([0]), margin=0.2)
    assert other.losses[1].item() == pytest.approx(cross_entropy([0, HALF], 1, 1.0), rel=1e-5)  # cosine 1 against .71
    own = info_nce(QUERY, POSITIVE, NEGATIVE, 1.0, owner=torch.tensor([1]), margin=0.2)
    assert own.losses[1].item() == pytest.approx(cross_entropy([0, HALF, 1], 1, 1.0), rel=1e-5)
    wide = info_nce(QUERY, POSITIVE, NEGATIVE, 1.0, owner=torch.tensor([0]), margin=0.3)
    assert wide.masked.item() == 0


def test_symmetric_loss_is_the_mean_of_both_directions():
    contrast = info_nce(QUERY, POSITIVE, NEGATIVE, 1.0, symmetric=True)
    forward = [cross_entropy([1, HALF, 0], 0, 1.0), cross_entropy([0, HALF, 1], 1, 1.0)]
    backward = [cross_entropy([1, 0], 0, 1.0), cross_entropy([HALF, HALF], 1, 1.0)]
    expected = [(there + back) / 2 for there, back in zip(forward, backward, strict=True)]
    assert contrast.losses.tolist() == pytest.approx(expected, rel=1e-5)


def test_temperature_may_be_learned():
    temperature = torch.tensor(0.5, requires_grad=True)
    info_nce(QUERY, POSITIVE, NEGATIVE, temperature).losses.mean().backward()
    assert temperature.grad.abs() > 0
