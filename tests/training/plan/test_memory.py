"""Memory by part, what is sharded, and the check before the first step."""

import pytest
import torch

from stages.encoder import Encoder, EncoderConfig
from stages.shared.errors import UserError
from stages.training.plan.memory import GIB, advice, check_memory, estimate_memory
from stages.training.plan.parameters import count_parameters
from tests.training.plan.conftest import LORA, MISTRAL_7B, hub

BIG = hub(MISTRAL_7B)
BF16 = {"device": "cuda", "precision": "bf16"}


@pytest.mark.parametrize("lora", [None, LORA])
def test_states_are_those_of_a_real_step(planned, backbone, backbone_settings, tokenizer, lora):
    from stages.training.optimizer import build_optimizer

    fitting = backbone_settings.model_copy(update={"vocabulary": len(tokenizer)})
    configured = planned(backbone=fitting, lora=lora)
    encoder = Encoder.from_backbone(backbone, EncoderConfig("mean", "bidirectional"))
    if lora:
        encoder.add_lora(lora)
    optimizer = build_optimizer(encoder, configured.profile.training)
    encoder(torch.ones(1, 4, dtype=torch.long), torch.ones(1, 4, dtype=torch.long)).sum().backward()
    optimizer.step()

    weights = list(encoder.parameters())
    moments = [value for state in optimizer.state.values() for value in state.values() if value.ndim]
    parts = estimate_memory(configured)
    assert parts["weights"] == sum(each.nbytes for each in weights)
    assert parts["gradients"] == sum(each.grad.nbytes for each in weights if each.grad is not None)
    assert parts["optimizer states"] == sum(each.nbytes for each in moments)


def test_frozen_base_is_held_in_the_runs_precision(planned):
    counted = count_parameters(planned(backbone=BIG, lora=LORA))
    for precision, each in (("no", 4), ("bf16", 2)):
        parts = estimate_memory(planned(backbone=BIG, lora=LORA, runtime={"precision": precision}))
        assert parts["weights"] == each * counted.backbone + 4 * counted.adapters


@pytest.mark.parametrize(
    ("launch", "weights", "gradients", "optimizer"),
    [
        ("multi_gpu", 4, 4, 8),
        ("fsdp2", 4 / 8, 4 / 8, 8 / 8),
        ("zero2", 2, 2 / 8, 12 / 8),  # ZeRO's own table: 2, 2 and 12 bytes (arXiv 1910.02054, figure 1)
        ("zero3", 2 / 8, 2 / 8, 12 / 8),
    ],
)
def test_bytes_of_a_trained_parameter_by_launch(planned, launch, weights, gradients, optimizer):
    configured = planned(backbone=BIG, launch=launch, runtime=BF16, hardware={"count": 8})
    trained, parts = count_parameters(configured).trained, estimate_memory(configured)
    given = [parts[name] / trained for name in ("weights", "gradients", "optimizer states")]
    assert given == pytest.approx([weights, gradients, optimizer], rel=1e-6)


def test_fsdp2_holds_whole_gradients_between_chunks(planned):
    parts = {
        launch: estimate_memory(planned(backbone=BIG, launch=launch, hardware={"count": 8}))
        for launch in ("multi_gpu", "zero3", "fsdp2")
    }
    name = "gradients not yet shared out"
    assert parts["fsdp2"][name] == parts["multi_gpu"]["gradients"]
    assert name not in parts["zero3"]
    assert name not in parts["multi_gpu"]


def test_autocast_copies_weights_for_each_pass_that_is_held(planned):
    linear = count_parameters(planned(backbone=BIG)).linear
    options = {"backbone": BIG, "runtime": BF16, "chunk_tokens": 1024, "graph_tokens": 4096}
    name = "weights cast or gathered"
    assert estimate_memory(planned(**options))[name] == 4 * 2 * linear
    assert estimate_memory(planned(**options, activation_checkpointing=True))[name] == 2 * linear // 32
    assert name not in estimate_memory(planned(backbone=BIG))


def test_processes_on_one_device_add_up(planned):
    one, two = (estimate_memory(planned(launch=launch, batch_size=256)) for launch in (None, "cpu_x2"))
    assert {name: part / one[name] for name, part in two.items()} == dict.fromkeys(one, 2)


def test_loss_is_whole_on_every_process_and_grows_with_the_batch(planned):
    name, options = "embeddings and loss", {"launch": "multi_gpu", "batch_size": 4096}
    one, eight = (estimate_memory(planned(hardware={"count": count}, **options))[name] for count in (1, 8))
    assert one == eight > 6 * 4 * 4096 * 8192


def test_parts_of_the_tiny_profile_fit(settings):
    assert sum(estimate_memory(settings).values()) < settings.profile.hardware.memory_gib * GIB


def test_check_passes_if_the_certain_parts_fit_to_the_byte(planned):
    configured = planned(backbone=BIG)
    certain = 16 * count_parameters(configured).trained
    check_memory(configured, certain)
    with pytest.raises(UserError):
        check_memory(configured, certain - 1)


def test_check_names_parts_what_is_there_and_what_to_do(planned):
    with pytest.raises(UserError) as caught:
        check_memory(planned(backbone=BIG), 80 * GIB)
    text = str(caught.value)
    assert "weights 26.5 GiB, gradients 26.5 GiB, optimizer states 53.0 GiB are 106.0 GiB" in text
    assert "80.0 GiB are there" in text
    assert "next: train adapters alone (training.lora" in text
    assert "fsdp2 or zero3" in text


def test_check_does_not_refuse_for_activations(planned):
    configured = planned(backbone=BIG, lora=LORA, runtime=BF16, chunk_tokens=100_000, graph_tokens=10_000_000)
    check_memory(configured, 20 * GIB)


def test_advice_for_activations_is_a_number_of_tokens_that_fits(planned):
    options = {"backbone": BIG, "lora": LORA, "runtime": BF16, "batch_size": 1024, "chunk_tokens": 4096}
    configured = planned(**options, graph_tokens=65_536)
    told = advice(configured, 80 * GIB)
    assert told.startswith("set training.activation_checkpointing: true, or lower training.graph_tokens to about ")
    fitting = int(told.rpartition(" ")[2].replace(",", ""))
    assert 4096 < fitting < 65_536
    assert sum(estimate_memory(planned(**options, graph_tokens=fitting)).values()) == pytest.approx(80 * GIB, rel=0.02)


def test_advice_lowers_chunks_too_where_one_is_too_large(planned):
    told = advice(planned(backbone=BIG, lora=LORA, runtime=BF16, chunk_tokens=65_536, graph_tokens=65_536), 24 * GIB)
    assert "lower training.graph_tokens and training.chunk_tokens to about" in told


@pytest.mark.parametrize(("launch", "shard"), [(None, "training.launch: fsdp2 or zero3"), ("fsdp2", "hardware.count")])
def test_advice_where_not_even_the_weights_fit(planned, launch, shard):
    told = advice(planned(backbone=BIG, lora=LORA, runtime=BF16, launch=launch), 4 * GIB)
    assert shard in told
    assert "training.lora" not in told
