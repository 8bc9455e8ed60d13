"""The outputs of the stages before this one."""

import pytest

from stages.encoder import Encoder, EncoderConfig
from stages.evaluation.models import baselines, encoders


@pytest.fixture
def outputs(backbone, corpus, monkeypatch, tmp_path):
    """Where the loaders look for them: a backbone, an encoder with last-token pooling, a corpus."""
    Encoder.from_backbone(backbone, EncoderConfig("last", "causal")).save(tmp_path / "encoder")
    monkeypatch.setattr(encoders, "BACKBONE", backbone)
    monkeypatch.setattr(encoders, "ENCODER", tmp_path / "encoder")
    monkeypatch.setattr(baselines, "TRAIN", corpus)
    return tmp_path / "encoder"
