"""A compiled model trains as the same model does uncompiled."""

import os
import shutil

import pytest

CXX = os.environ.get("CXX", "g++")  # where torch.compile looks for it too

# Graphs with and without gradients, 20 seconds each; a chunk of one text, which these sizes avoid, would need another.
SIZES = {"steps": 3, "batch_size": 12, "chunk_tokens": 400, "graph_tokens": 400}


@pytest.mark.skipif(shutil.which(CXX) is None, reason=f"torch.compile needs a C++ compiler; {CXX} is not there")
def test_losses_are_those_of_the_uncompiled_model(started, configured, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))

    def losses(compiled):
        begun = started(configured({"pooling": "ata"}, warmup_steps=0, compile=compiled, **SIZES))
        assert (begun.encoder.model._compiled_call_impl is not None) == compiled
        return [row["loss"] for row in begun.trainer.steps()]

    plain = losses(compiled=False)
    assert max(plain) - min(plain) > 0.1
    assert losses(compiled=True) == pytest.approx(plain, abs=1e-4)
