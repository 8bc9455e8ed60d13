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
    loss, _ = info_nce(QUERY, POSITIVE, NEGATIVE, temperature)
    rows = [([1, HALF, 0], 0), ([0, HALF, 1], 1)]  # cosines of each query to both positives and the negative
    expected = sum(cross_entropy(cosines, own, temperature) for cosines, own in rows) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_without_graded_negatives_the_other_positives_are_the_negatives():
    loss, accuracy = info_nce(QUERY, POSITIVE, torch.empty(0, 2), 1.0)
    expected = (cross_entropy([1, HALF], 0, 1.0) + cross_entropy([0, HALF], 1, 1.0)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert accuracy.item() == 1


def test_accuracy_is_the_share_of_queries_whose_own_positive_scores_highest():
    assert info_nce(QUERY, POSITIVE, NEGATIVE, 1.0)[1].item() == 0.5  # the negative is nearer to the second query


def test_length_of_an_embedding_does_not_matter():
    loss, _ = info_nce(QUERY, POSITIVE, NEGATIVE, 0.1)
    scaled, _ = info_nce(7 * QUERY, 0.5 * POSITIVE, 3 * NEGATIVE, 0.1)
    assert scaled.item() == pytest.approx(loss.item(), rel=1e-6)


def test_each_negative_adds_to_every_querys_loss():
    generator = torch.Generator().manual_seed(0)
    query, positive, negative = (torch.randn(4, 8, generator=generator).requires_grad_() for _ in range(3))
    fewer, _ = info_nce(query, positive, negative[:2], 1.0)
    more, _ = info_nce(query, positive, negative, 1.0)
    assert more > fewer
    more.backward()
    assert all(bool(tensor.grad.abs().sum(dim=1).gt(0).all()) for tensor in (query, positive, negative))
