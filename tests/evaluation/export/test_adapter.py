"""LoRA's adapter alone, bound to a base that the folder holds or names."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from huggingface_hub.constants import HF_HUB_CACHE
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

from stages.encoder import EncoderConfig
from stages.evaluation.export.write import write_export
from stages.shared.errors import UserError
from stages.shared.files import write_json
from tests.evaluation.export.conftest import save_encoder
from tests.evaluation.export.test_embeddings import CLOSE, LATENT, distance

TEXTS = ["fit a graph", "Compute the score of a matrix in place.", "token"]
REVISION = "0123456789abcdef0123456789abcdef01234567"


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in (".safetensors", "")}


@pytest.mark.parametrize(
    "config",
    [EncoderConfig("mean", "bidirectional"), EncoderConfig("latent", "causal", **LATENT)],
    ids=["mean", "latent"],
)
def test_adapter_of_a_scratch_model_brings_its_base(export, tmp_path, config):
    exported = export(config, saved_as_adapter=True, adapter=True)
    model = exported.load()
    assert distance(model.encode(TEXTS), exported.ours(TEXTS)) < CLOSE
    assert {"adapter_model.safetensors", "base/model.safetensors"} <= names(exported.export.folder)
    assert "model.safetensors" not in names(exported.export.folder)
    assert "trust_remote_code" in (exported.export.folder / "README.md").read_text()
    model.save_pretrained(tmp_path / "again")
    moved = shutil.move(tmp_path / "again", tmp_path / "moved")
    again = SentenceTransformer(str(moved), device="cpu", trust_remote_code=True, local_files_only=True)
    assert np.array_equal(again.encode(TEXTS), model.encode(TEXTS))


def test_gradients_reach_the_adapter_and_leave_the_base(export):
    model = export(EncoderConfig("ata", "causal"), saved_as_adapter=True, adapter=True).load()
    model(model.preprocess(TEXTS))["sentence_embedding"][:, 0].sum().backward()
    moved = {name for name, weights in model.named_parameters() if weights.grad is not None and weights.grad.any()}
    assert len(moved) == 2 * 2 * 7  # two factors, two layers, seven linear layers each
    assert all("lora_" in name for name in moved)


def test_adapter_is_merged_by_default(export, backbone):
    exported = export(EncoderConfig("mean", "bidirectional"), saved_as_adapter=True)
    assert distance(exported.load().encode(TEXTS), exported.ours(TEXTS)) < CLOSE
    assert {name for name in names(exported.export.folder) if "safetensors" in name} == {"model.safetensors"}
    merged, base = (load_file(folder / "model.safetensors") for folder in (exported.export.folder, backbone / "model"))
    assert not torch.equal(merged["layers.0.mlp.up_proj.weight"], base["layers.0.mlp.up_proj.weight"])


@pytest.fixture
def hub_backbone(backbone, tmp_path):
    """The tiny backbone as a Hub model in the cache, as it lies there after a download."""
    repository = tmp_path / "cache" / "models--owner--tiny"
    shutil.copytree(backbone / "model", repository / "snapshots" / REVISION)
    (repository / "snapshots" / REVISION / "README.md").write_text("---\nlicense: mit\n---\nA tiny model.\n")
    target = shutil.copytree(repository, f"{HF_HUB_CACHE}/{repository.name}")
    folder = tmp_path / "hub-backbone"
    write_json(
        folder / "backbone.json",
        {"kind": "hub", "model": "owner/tiny", "revision": REVISION, "trust_remote_code": False, "append_eos": False},
    )
    yield folder
    shutil.rmtree(target)


def test_adapter_of_a_hub_model_names_it_and_its_revision(export, hub_backbone):
    exported = export(EncoderConfig("mean", "bidirectional"), saved_as_adapter=True, adapter=True, on=hub_backbone)
    assert distance(exported.load().encode(TEXTS), exported.ours(TEXTS)) < CLOSE
    folder = exported.export.folder
    assert {name for name in names(folder) if "safetensors" in name} == {"adapter_model.safetensors"}
    settings = json.loads((folder / "adapter_config.json").read_text())
    assert (settings["base_model_name_or_path"], settings["revision"]) == ("owner/tiny", REVISION)
    shutil.rmtree(f"{HF_HUB_CACHE}/models--owner--tiny/snapshots/{REVISION}")
    with pytest.raises(OSError, match="huggingface"):  # it takes that revision and no other
        exported.load()


@pytest.mark.parametrize("adapter", [True, False])
def test_card_names_a_hub_base_with_its_license(export, hub_backbone, adapter):
    config = EncoderConfig("mean", "bidirectional")
    exported = export(config, saved_as_adapter=adapter, adapter=adapter, on=hub_backbone)
    assert any("does not hold the backbone that the profile names" in note for note in exported.export.notes)
    card = (exported.export.folder / "README.md").read_text()
    relation = "adapter" if adapter else "finetune"
    for line in ("license: mit", "base_model: owner/tiny", f"base_model_relation: {relation}"):
        assert f"\n{line}\n" in card
    assert ("loaded from the Hub" in card) == adapter


@pytest.mark.parametrize(("precision", "dtype"), [("no", "float32"), ("bf16", "bfloat16")])
def test_adapter_is_merged_in_the_type_in_which_it_is_scored(settings_of, backbone, tmp_path, precision, dtype):
    config = EncoderConfig("mean", "causal")
    folder = save_encoder(config, tmp_path / "encoder", backbone, adapter=True)
    settings = settings_of(config)
    runtime = settings.profile.runtime.model_copy(update={"precision": precision})
    settings = replace(settings, profile=settings.profile.model_copy(update={"runtime": runtime}))
    merged = write_export(folder, tmp_path / "merged", settings, backbone=backbone)
    assert merged.facts.dtype == dtype
    write_export(folder, tmp_path / "alone", settings, backbone=backbone, adapter=True)


def test_merged_model_has_no_adapter_to_export(saved, settings, tmp_path):
    with pytest.raises(UserError, match=r"--adapter: .* holds a whole model") as caught:
        write_export(saved, tmp_path / "model", settings, adapter=True)
    assert "training.export: adapter" in str(caught.value)


def test_adapter_of_another_base_is_refused(settings_of, backbone, tmp_path):
    config = EncoderConfig("mean", "causal")
    folder = save_encoder(config, tmp_path / "encoder", backbone, adapter=True)
    other = shutil.copytree(backbone, tmp_path / "other")
    weights = other / "model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    for adapter in (True, False):
        with pytest.raises(UserError, match="adapter for another base"):
            write_export(folder, tmp_path / "model", settings_of(config), backbone=other, adapter=adapter)
    assert not (tmp_path / "model").exists()
