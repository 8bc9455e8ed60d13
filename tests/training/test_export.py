"""The trained encoder on disk."""

import json

import numpy as np
import pytest

from stages.encoder import Encoder
from stages.shared.errors import UserError
from stages.shared.settings import Lora
from stages.training import export
from stages.training.loop import train

LORA = Lora(rank=2, alpha=4, dropout=0.0)


@pytest.fixture
def finished(started, configured):
    """`finished(params, **training)`: a trainer after a few steps, and its settings."""

    def run(params=(), **training):
        settings = configured(params, steps=4, **training)
        begun = started(settings)
        train(begun.trainer, settings, begun.run, begun.build)
        return begun

    return run


@pytest.mark.parametrize("pooling", ["mean", "latent", "ata"])
@pytest.mark.parametrize("options", [{}, {"lora": LORA}, {"lora": LORA, "export": "adapter"}], ids=str)
def test_saved_folder_gives_the_trained_embeddings(finished, texts, tmp_path, pooling, options):
    begun = finished({"pooling": pooling}, **options)
    encoder = export.whole(begun.trainer, begun.build)
    trained = encoder.encode(texts, chunk_tokens=256, max_length=48)
    kind = options.get("export", "merged")
    distance = export.save_checked(encoder, tmp_path / "out", texts, export=kind, max_length=48)
    assert distance <= 1e-5
    assert (tmp_path / "out/adapter_config.json").exists() == (kind == "adapter")
    loaded = Encoder.load(tmp_path / "out").encode(texts, chunk_tokens=256, max_length=48)
    np.testing.assert_allclose(loaded, trained, rtol=0, atol=1e-4)
    untrained = begun.build().encode(texts, chunk_tokens=256, max_length=48)
    assert np.abs(untrained - trained).max() > 1e-3


def test_folder_that_gives_other_embeddings_is_refused(finished, texts, tmp_path, monkeypatch):
    begun = finished()
    encoder = export.whole(begun.trainer, begun.build)
    other = begun.build()
    monkeypatch.setattr(Encoder, "load", lambda *_, **__: other)
    with pytest.raises(UserError, match="gives other embeddings than the trained one"):
        export.save_checked(encoder, tmp_path, texts, export="merged", max_length=48)


@pytest.mark.parametrize(("lora", "file"), [(None, "model.safetensors"), (LORA, "adapter_model.safetensors")])
def test_copies_for_the_curve_are_kept_and_load(finished, placed, texts, lora, file):
    finished(curve_every=1, lora=lora)
    assert json.loads((placed / "data/curve/steps.json").read_text()) == {"steps": [1, 2, 3], "total": 4}
    second, third = (
        Encoder.load(placed / f"data/curve/step-00000{step}").encode(texts, chunk_tokens=256, max_length=48)
        for step in (2, 3)
    )
    assert (placed / "data/curve/step-000002" / file).exists()
    assert np.abs(second - third).max() > 1e-4


def test_without_copies_the_list_of_steps_is_empty(finished, placed):
    finished()
    assert json.loads((placed / "data/curve/steps.json").read_text()) == {"steps": [], "total": 4}
