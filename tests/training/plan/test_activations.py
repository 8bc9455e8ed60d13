"""Activations, against the tensors that a real forward pass saves for its backward pass."""

import pytest
import torch
from ata_pooling.models import forward, keep_last_attention
from peft import LoraConfig, get_peft_model
from torch.autograd.graph import saved_tensors_hooks
from transformers import AutoConfig, AutoModel

from stages.encoder.latent import LatentAttention
from stages.shared.settings import Lora
from stages.training.plan.activations import activation_bytes, chunk_tokens, held_tokens, layer_bytes, pooling_bytes
from tests.training.plan.conftest import LORA, hub, shape

ROWS, LENGTH = 4, 64
WIDE = {"hidden_size": 128, "intermediate_size": 320, "num_attention_heads": 8, "head_dim": 32}


class Saved:
    """Within the block, adds up the bytes of all storages saved for the backward pass but `weights`."""

    def __init__(self, weights):
        self._weights, self._found = {each.untyped_storage().data_ptr() for each in weights}, {}

    def __enter__(self):
        self._hooks = saved_tensors_hooks(self._note, lambda tensor: tensor)
        self._hooks.__enter__()
        return self

    def __exit__(self, *failure):
        self._hooks.__exit__(*failure)

    def _note(self, tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._weights:
            self._found[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    @property
    def size(self):
        return sum(size for size, _ in self._found.values())


def measured(architecture, lora, bf16):
    """Bytes that one token leaves in one layer of a real model, copies of its weights left out."""
    totals = []
    for layers in (1, 2):
        config = architecture.model_copy(update={"num_hidden_layers": layers}).model_dump()
        model = AutoModel.from_config(AutoConfig.for_model(**config), attn_implementation="sdpa")
        keep_last_attention(model, causal=False)
        if lora:
            model = model.to(torch.bfloat16) if bf16 else model
            model = get_peft_model(model, LoraConfig(r=lora.rank, target_modules="all-linear"))
        mask = torch.ones(ROWS, LENGTH, dtype=torch.long)
        mask[1, :8] = 0
        with Saved(model.parameters()) as saved, torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            forward(model, torch.ones(ROWS, LENGTH, dtype=torch.long), mask)
        cast = sum(weights.numel() for name, weights in model.named_parameters() if _cast(name, lora)) if bf16 else 0
        totals.append(saved.size - 2 * cast)
    return (totals[1] - totals[0]) / (ROWS * LENGTH)


def _cast(name, lora):
    return "lora_" in name if lora else "_proj.weight" in name


@pytest.mark.parametrize("model_type", ["llama", "qwen2", "qwen3", "gemma3_text"])
@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_layer_keeps_what_torch_saves(planned, model_type, lora, precision):
    architecture = shape(model_type, **WIDE)
    configured = planned(backbone=hub(architecture), lora=lora, runtime={"precision": precision})
    real = measured(architecture, lora, precision == "bf16")
    assert layer_bytes(configured) == pytest.approx(real, rel=0.08)


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_latent_pooling_keeps_what_torch_saves(planned, precision):
    bf16 = precision == "bf16"
    pooling = LatentAttention(128, size=4, heads=4, seed=0)
    states = torch.randn(ROWS, LENGTH, 128, dtype=torch.bfloat16 if bf16 else torch.float32, requires_grad=True)
    with Saved(pooling.parameters()) as saved, torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        pooling(states, torch.ones(ROWS, LENGTH))
    cast = 2 * 16 * 128**2 if bf16 else 0
    options = {"backbone": hub(shape(hidden_size=128)), "runtime": {"precision": precision}}
    gained = pooling_bytes(planned({"pooling": "latent"}, **options)) - pooling_bytes(planned(**options))
    assert gained == pytest.approx((saved.size - cast) / (ROWS * LENGTH), rel=0.05)


def test_dropout_keeps_a_copy_and_a_mask_for_each_projection(planned):
    backbone, bf16 = hub(shape(**WIDE)), {"precision": "bf16"}
    without, with_ = (
        layer_bytes(planned(backbone=backbone, runtime=bf16, lora=Lora(rank=4, alpha=8, dropout=share)))
        for share in (0.0, 0.1)
    )
    assert with_ - without == 5 * 128 + 8 * 32 + 320


@pytest.mark.parametrize(
    ("training", "held", "chunk"),
    [
        ({"batch_size": 64, "graph_tokens": 8192}, 8192, 2048),
        ({"batch_size": 2}, 6 * 96, 6 * 96),  # the whole batch is less
        ({"chunk_tokens": 32, "graph_tokens": 64}, 96, 96),  # one text is more
        ({"batch_size": 64, "launch": "cpu_x2", "graph_tokens": 100_000}, 96 * 96, 2048),  # half of the batch
    ],
)
def test_tokens_held_and_in_one_pass(planned, training, held, chunk):
    configured = planned(**training)
    assert (held_tokens(configured), chunk_tokens(configured)) == (held, chunk)


def test_activations_grow_with_graph_tokens(planned):
    sizes = [activation_bytes(planned(graph_tokens=tokens)) for tokens in (2048, 4096, 8192)]
    assert sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0]) > 0


def test_checkpointing_keeps_each_layers_input_and_one_whole_layer(planned):
    deep = hub(shape(num_hidden_layers=24, **WIDE))
    plain, checkpointed = (
        activation_bytes(planned(backbone=deep, graph_tokens=8192, activation_checkpointing=each))
        for each in (False, True)
    )
    layer = layer_bytes(planned(backbone=deep))
    assert plain - checkpointed == 8192 * 24 * (layer - 4 * 128) - 2048 * layer
