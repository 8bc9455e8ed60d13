"""Sizes on disk, against the files themselves."""

import pytest
from safetensors.torch import load_file

from stages.encoder import Encoder, EncoderConfig
from stages.training.plan.disk import checkpoint_bytes, copies, encoder_bytes
from stages.training.plan.parameters import count_parameters
from tests.training.plan.conftest import LORA, hub, shape


@pytest.fixture
def configured(planned, backbone_settings, tokenizer, settings):
    """`configured(pooling, **training)`: settings for the backbone of the tests."""

    def make(pooling="mean", **training):
        fitting = backbone_settings.model_copy(update={"vocabulary": len(tokenizer)})
        latent = settings.params.latent.model_copy(update={"size": 4, "heads": 4})
        return planned({"pooling": pooling, "latent": latent}, backbone=fitting, **training)

    return make


@pytest.mark.parametrize("pooling", ["mean", "latent"])
@pytest.mark.parametrize("lora", [None, LORA])
def test_sizes_are_those_of_the_files(backbone, configured, tmp_path, pooling, lora):
    encoder = Encoder.from_backbone(backbone, EncoderConfig(pooling, "bidirectional", latent_size=4, latent_heads=4))
    if lora:
        encoder.add_lora(lora)
    settings = configured(pooling, lora=lora, curve_every=50)
    encoder.save_copy(tmp_path / "copy", backbone)
    encoder.save(tmp_path / "encoder")
    assert copies(settings) == (3, tensor_bytes(tmp_path / "copy"))  # at steps 50, 100, 150 of 160
    assert encoder_bytes(settings) == tensor_bytes(tmp_path / "encoder")


def tensor_bytes(folder):
    return sum(tensor.nbytes for file in folder.glob("*.safetensors") for tensor in load_file(file).values())


def test_adapter_alone_is_exported_as_large_as_a_copy(configured):
    settings = configured(lora=LORA, export="adapter", curve_every=10)
    assert encoder_bytes(settings) == copies(settings)[1]


@pytest.mark.parametrize(("every", "retrieval", "number"), [(None, 0, 0), (160, 0, 0), (159, 0, 1), (50, 40, 3)])
def test_number_of_copies(planned, every, retrieval, number):
    assert copies(planned(curve_every=every, retrieval_steps=retrieval))[0] == number


def test_checkpoint_has_what_is_trained_and_when_sharded_the_base_too(planned):
    whole, sharded = (
        planned(backbone=hub(shape()), lora=LORA, launch=launch, hardware={"count": 2}) for launch in (None, "fsdp2")
    )
    counted = count_parameters(whole)
    assert checkpoint_bytes(whole) == 12 * counted.adapters
    assert checkpoint_bytes(sharded) == 12 * counted.adapters + 4 * counted.backbone
