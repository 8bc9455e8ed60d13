"""Settings to plan for: the tiny profile's, with some values changed."""

import pytest

from stages.shared.settings import Architecture, HubBackbone, Lora, Settings

LORA = Lora(rank=4, alpha=8, dropout=0.0)
SMALL = {"vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}


def shape(model_type="llama", **sizes):
    """A small architecture whose sizes all differ."""
    return Architecture(model_type=model_type, **{**SMALL, **HEADS, **sizes})


def hub(architecture):
    """A backbone of that shape."""
    return HubBackbone(
        kind="hub",
        model="someone/model",
        revision="0123456789",
        trust_remote_code=False,
        append_eos=False,
        architecture=architecture,
    )


MISTRAL_7B = shape(
    "mistral",
    vocab_size=32_000,
    hidden_size=4096,
    intermediate_size=14_336,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=8,
    head_dim=128,
)


@pytest.fixture
def planned(settings):
    """`planned(params, backbone=..., runtime=..., hardware=..., **training)`: settings with these values changed."""

    def make(params=(), *, backbone=None, runtime=(), hardware=(), **training):
        profile = settings.profile
        changed = {
            "runtime": profile.runtime.model_copy(update=dict(runtime)),
            "hardware": profile.hardware.model_copy(update=dict(hardware)),
            "training": profile.training.model_copy(update={"chunk_tokens": 2048, "graph_tokens": 8192, **training}),
            "backbone": backbone or profile.backbone,
        }
        return Settings(settings.params.model_copy(update=dict(params)), profile.model_copy(update=changed))

    return make
