"""A hub model is described by its commit and file hashes, or the user is told why not."""

from types import SimpleNamespace

import huggingface_hub
import pytest

from stages.backbone.hub import describe
from stages.shared.errors import UserError
from stages.shared.settings import Architecture, HubBackbone

ARCHITECTURE = Architecture(
    model_type="llama",
    vocab_size=8,
    hidden_size=8,
    intermediate_size=8,
    num_hidden_layers=1,
    num_attention_heads=1,
    num_key_value_heads=1,
    head_dim=8,
)

MODEL = HubBackbone(
    kind="hub",
    model="owner/model",
    revision="abcdef0",
    trust_remote_code=False,
    append_eos=True,
    architecture=ARCHITECTURE,
)


def message():
    with pytest.raises(UserError) as caught:
        describe(MODEL)
    return str(caught.value)


def test_offline_model_is_told_with_what_to_check():
    text = message()
    assert "cannot reach the model owner/model at revision abcdef0" in text
    assert "runtime.offline is false" in text


def test_hub_that_does_not_answer_is_told(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:1")
    huggingface_hub.utils.close_session()  # the session keeps the offline mode that it was made in
    try:
        assert "cannot reach the model owner/model at revision abcdef0: [Errno" in message()
    finally:
        huggingface_hub.utils.close_session()


def test_description_has_the_resolved_commit_and_the_hash_of_each_file_that_shapes_the_model(monkeypatch):
    def file(name, blob, sha256=None):
        return SimpleNamespace(rfilename=name, blob_id=blob, lfs=SimpleNamespace(sha256=sha256) if sha256 else None)

    siblings = [file("model.safetensors", "b1", "s1"), file("config.json", "b2"), file("README.md", "b3")]
    info = SimpleNamespace(sha="abcdef0" + "0" * 33, siblings=siblings)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: info)
    assert describe(MODEL) == {
        "kind": "hub",
        "model": "owner/model",
        "revision": info.sha,
        "trust_remote_code": False,
        "append_eos": True,
        "files": {"config.json": "b2", "model.safetensors": "s1"},
    }
