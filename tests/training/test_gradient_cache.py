"""Chunks, kept graphs and the second pass change neither loss nor gradients."""

import pytest
import torch

from stages.shared.settings import Lora


@pytest.fixture
def first_step(started):
    """`first_step(settings)`: loss and gradients of a run's first step, and how its texts were cut."""

    def take(settings):
        begun = started(settings)
        trainer = begun.trainer
        _, batches = trainer._preparer.step(0)
        trainer.model.train()
        losses = [
            trainer._backward(batch, 0, batch is batches[-1], len(batches)).losses.mean().item() for batch in batches
        ]
        gradients = {name: weights.grad for name, weights in begun.encoder.named_parameters() if weights.requires_grad}
        return losses, gradients, batches

    return take


PLAIN = {"chunk_tokens": 10_000, "graph_tokens": 10_000}
CHUNKED = {"chunk_tokens": 100, "graph_tokens": 10_000}
CACHED = {"chunk_tokens": 100, "graph_tokens": 100}
SOME = {"chunk_tokens": 100, "graph_tokens": 300}


def assert_equal(given, expected):
    assert given[0] == pytest.approx(expected[0], abs=1e-6)
    for name, gradient in expected[1].items():
        error = (given[1][name] - gradient).norm() / gradient.norm().clamp(min=1e-12)
        assert error <= 1e-5, name


@pytest.mark.parametrize("cut", [CHUNKED, CACHED, SOME], ids=["chunked", "cached", "some cached"])
@pytest.mark.parametrize("pooling", ["mean", "last", "latent", "ata"])
def test_loss_and_gradients_equal_those_of_one_plain_batch(first_step, configured, pooling, cut):
    whole = first_step(configured({"pooling": pooling}, **PLAIN))
    assert len(whole[2][0].chunks) <= 2
    parts = first_step(configured({"pooling": pooling}, **cut))
    assert len(parts[2][0].chunks) > 4
    assert_equal(parts, whole)


@pytest.mark.parametrize(
    "options",
    [
        {"gradient_accumulation": 3},
        {"loss": "symmetric", "false_negative_margin": 0.0},
        {"instructions": True, "pool_instructions": False},
        {"activation_checkpointing": True},
        {"learned_temperature": True},
        {"lora": Lora(rank=2, alpha=4, dropout=0.0)},
    ],
    ids=lambda options: next(iter(options)),
)
def test_the_same_with_each_option(first_step, configured, options):
    assert_equal(first_step(configured(**CACHED, **options)), first_step(configured(**PLAIN, **options)))


def test_dropout_of_both_passes_is_the_same(first_step, configured):
    lora = Lora(rank=2, alpha=4, dropout=0.5)
    assert_equal(first_step(configured(**CACHED, lora=lora)), first_step(configured(**CHUNKED, lora=lora)))
    without = first_step(configured(**CACHED, lora=Lora(rank=2, alpha=4, dropout=0.0)))
    assert any(
        not torch.allclose(without[1][name], gradient)
        for name, gradient in first_step(configured(**CACHED, lora=lora))[1].items()
    )


def test_as_many_chunks_keep_their_graph_as_graph_tokens_hold(first_step, configured):
    for graph_tokens in (100, 250, 400, 10_000):
        (batch,) = first_step(configured(chunk_tokens=100, graph_tokens=graph_tokens))[2]
        sizes = [chunk.inputs["input_ids"].numel() for chunk in batch.chunks]
        assert batch.kept == 1 or sum(sizes[-batch.kept :]) <= graph_tokens
        assert batch.kept == len(sizes) or sum(sizes[-batch.kept - 1 :]) > graph_tokens


def test_in_bfloat16_the_loss_is_near(first_step, configured):
    settings = configured(**CACHED)
    runtime = settings.profile.runtime.model_copy(update={"precision": "bf16"})
    rough = type(settings)(settings.params, settings.profile.model_copy(update={"runtime": runtime}))
    from accelerate.state import AcceleratorState

    expected = first_step(settings)[0]
    AcceleratorState._reset_state()  # one process has one precision; here it has two runs
    assert first_step(rough)[0] == pytest.approx(expected, rel=0.05)
    AcceleratorState._reset_state()
