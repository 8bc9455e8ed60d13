"""Encoders on the tiny backbone."""

import pytest

from stages.encoder import Encoder, EncoderConfig


@pytest.fixture
def encoder_of(backbone):
    """`encoder_of(pooling, attention)`, on the tiny backbone."""
    return lambda pooling, attention: Encoder.from_backbone(backbone, EncoderConfig(pooling, attention)).eval()


@pytest.fixture(scope="session")
def ragged_texts(texts):
    """Texts of 2 to more than 64 tokens, not sorted by length."""
    return ["", "matrix", *(text[: 7 * index + 3] for index, text in enumerate(texts[:14])), " ".join(texts)][::-1]
