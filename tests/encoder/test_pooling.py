"""Mean and last-token pooling on numbers that can be checked by eye."""

import pytest
import torch

from stages.encoder.pooling import last_pool, mean_pool

STATES = torch.tensor([[[1.0, 10.0], [2.0, 20.0], [6.0, 60.0]]]).repeat(4, 1, 1)
MASK = torch.tensor([[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0]])


def test_mean_is_over_the_real_tokens():
    assert mean_pool(STATES, MASK).tolist() == [[3, 30], [1.5, 15], [4, 40], [2, 20]]


def test_last_is_the_last_real_token_wherever_the_padding_is():
    assert last_pool(STATES, MASK).tolist() == [[6, 60], [2, 20], [6, 60], [2, 20]]


@pytest.mark.parametrize("pool", [mean_pool, last_pool])
def test_padding_may_hold_nan(pool):
    poisoned = STATES.masked_fill(~MASK.bool()[:, :, None], float("nan"))
    assert torch.equal(pool(poisoned, MASK), pool(STATES, MASK))
