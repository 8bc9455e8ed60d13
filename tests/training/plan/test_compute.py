"""FLOPs, against those that torch counts in a real forward and backward pass."""

import pytest
import torch
from ata_pooling.models import forward, keep_last_attention
from peft import LoraConfig, get_peft_model
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModel

from stages.encoder.latent import LatentAttention
from stages.training.plan.compute import cached_share, seconds, step_work
from stages.training.plan.texts import PADDING, BatchTexts
from tests.training.plan.conftest import LORA, hub, shape

ROWS, LENGTH = 3, 24
TEXTS = BatchTexts(ROWS, LENGTH, LENGTH**2, "a test")
DEEP = shape(num_hidden_layers=12)


def counted(lora=None, checkpointing=False):
    """Forward and backward FLOPs of a real model with 12 layers."""
    model = AutoModel.from_config(AutoConfig.for_model(**DEEP.model_dump()), attn_implementation="sdpa")
    keep_last_attention(model, causal=False)
    if lora:
        model = get_peft_model(model, LoraConfig(r=lora.rank, target_modules="all-linear"))
    if checkpointing:
        enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
        enable({"use_reentrant": False})
    model.train()
    ids, mask = torch.ones(ROWS, LENGTH, dtype=torch.long), torch.ones(ROWS, LENGTH, dtype=torch.long)
    with sdpa_kernel(SDPBackend.MATH):  # the only one that torch counts on a CPU
        with FlopCounterMode(display=False) as ahead:
            states, _ = forward(model, ids, mask)
        with FlopCounterMode(display=False) as back:
            states.sum().backward()
    return ahead.get_total_flops(), back.get_total_flops()


def planned_work(planned, **training):
    """Without the padding that the plan adds."""
    work = step_work(planned(backbone=hub(DEEP), **training), TEXTS)
    return [part / PADDING for part in (work.forward, work.backward, work.recomputed)]


def test_all_weights_trained_take_what_torch_counts(planned):
    ahead, back, again = planned_work(planned)
    assert (ahead, back) == pytest.approx(counted(), rel=1e-3)
    assert again == 0
    assert back == 2 * ahead


def test_adapters_alone_take_about_half_of_it_backward(planned):
    ahead, back, _ = planned_work(planned, lora=LORA)
    real_ahead, real_back = counted(LORA)
    assert ahead == pytest.approx(real_ahead, rel=1e-3)
    assert back == pytest.approx(real_back, rel=0.03)  # the first layer needs no gradient of its input
    assert back < 1.5 * ahead


@pytest.mark.parametrize("lora", [None, LORA])
def test_activation_checkpointing_computes_the_layers_again(planned, lora):
    _, back, again = planned_work(planned, lora=lora, activation_checkpointing=True)
    assert back + again == pytest.approx(counted(lora, checkpointing=True)[1], rel=0.03)


def test_latent_pooling_takes_what_torch_counts(planned, settings):
    pooling = LatentAttention(32, size=64, heads=4, seed=0)
    states, mask = torch.randn(ROWS, LENGTH, 32, requires_grad=True), torch.ones(ROWS, LENGTH)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as ahead:
        pooling(states, mask)
    dictionary = 2 * 2 * 64 * 32**2  # keys and values of the latents, once for all texts
    latent = settings.params.latent.model_copy(update={"size": 64})
    works = [
        step_work(planned(params, backbone=hub(shape())), TEXTS).forward / PADDING
        for params in ({}, {"pooling": "latent", "latent": latent})
    ]
    assert works[1] - works[0] == pytest.approx(ahead.get_total_flops() - dictionary, rel=1e-6)


def test_causal_attention_is_half_and_ata_one_more_layer_of_it(planned):
    def forward_of(**params):
        return step_work(planned(params, backbone=hub(DEEP)), TEXTS).forward / PADDING

    layer = 4 * ROWS * LENGTH**2 * 64
    assert forward_of() - forward_of(attention="causal") == pytest.approx(12 * layer / 2)
    assert forward_of(pooling="ata") - forward_of() == pytest.approx(layer)


def test_attention_follows_the_squares_of_lengths(planned):
    uneven = BatchTexts(ROWS, LENGTH, 2 * LENGTH**2, "a test")
    even, more = (step_work(planned(backbone=hub(DEEP)), texts).forward for texts in (TEXTS, uneven))
    assert more - even == pytest.approx(PADDING * 12 * 4 * ROWS * LENGTH**2 * 64)


@pytest.mark.parametrize(("count", "share"), [(10, 0.0), (100, 0.0), (200, 0.5), (400, 0.75)])
def test_what_is_beyond_graph_tokens_goes_through_twice(planned, count, share):
    texts = BatchTexts(count, 100 / PADDING, 100**2, "a test")
    configured = planned(backbone=hub(shape()), chunk_tokens=5000, graph_tokens=10_000)
    work = step_work(configured, texts)
    assert cached_share(configured, texts) == pytest.approx(share)
    assert work.cached == pytest.approx(share * work.forward)
    assert work.total == pytest.approx((3 + share) * work.forward)


def test_processes_share_the_batch_so_each_holds_a_larger_part_of_its_own(planned):
    texts = BatchTexts(400, 100 / PADDING, 100**2, "a test")
    two = planned(chunk_tokens=5000, graph_tokens=10_000, launch="multi_gpu", hardware={"count": 2})
    assert cached_share(two, texts) == pytest.approx(0.5)


def test_accumulated_batches_add_up(planned):
    one, four = (step_work(planned(gradient_accumulation=number), TEXTS).total for number in (1, 4))
    assert four == pytest.approx(4 * one)


@pytest.mark.parametrize(("launch", "devices"), [(None, 1), ("multi_gpu", 4), ("cpu_x2", 2)])
def test_time_is_of_the_devices_that_train(planned, launch, devices):
    hardware = {"count": 4, "teraflops": 100.0, "efficiency": 0.5}
    assert seconds(planned(launch=launch, hardware=hardware), 2e15) == pytest.approx(40 / devices)
