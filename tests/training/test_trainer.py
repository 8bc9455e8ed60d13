"""Steps on the tiny backbone: what they train, what they tell, what ends them."""

from dataclasses import replace

import pytest
import torch

from stages.shared.errors import UserError
from stages.shared.settings import Lora
from stages.training.health import CURVES


def curve(name):
    """The values of one curve, step by step."""
    with open(f"{CURVES}/plots/metrics/{name}.tsv") as lines:
        return [float(line.split("\t")[1]) for line in list(lines)[1:]]


@pytest.mark.parametrize("pooling", ["mean", "last", "latent", "ata"])
def test_training_lowers_the_loss(trained, configured, pooling):
    metrics, _ = trained(configured({"curriculum": "n2", "pooling": pooling}))
    losses = curve("loss")
    assert len(losses) == 16
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    assert metrics["steps"] == 16
    assert metrics["loss"] == pytest.approx(sum(losses) / 16)


def test_run_repeats_bit_for_bit_and_another_seed_gives_another_model(trained, configured):
    runs = [trained(configured({"seed": seed})) for seed in (0, 0, 1)]
    weights = [list(encoder.parameters()) for _, encoder in runs]
    assert runs[0][0] == runs[1][0]
    assert all(torch.equal(*pair) for pair in zip(weights[0], weights[1], strict=True))
    assert not all(torch.equal(*pair) for pair in zip(weights[0], weights[2], strict=True))
    assert runs[0][0]["order"] != runs[2][0]["order"]


@pytest.mark.parametrize(
    ("curriculum", "expected"),
    [("coarse_to_fine", [4, 3, 2, 1]), ("fine_to_coarse", [1, 2, 3, 4]), ("all", [0, 0, 0, 0])],
)
def test_level_of_each_step_is_a_curve(trained, configured, curriculum, expected):
    trained(configured({"curriculum": curriculum}, steps=4))
    assert curve("level") == expected


def test_retrieval_steps_follow_on_pairs_alone(started, configured, monkeypatch, samples):
    import stages.training.schedule as schedule_module

    pairs = [replace(row, id=f"pair {row.id}", negatives=[]) for row in samples]
    monkeypatch.setattr(schedule_module, "load_samples", lambda name: pairs if name == "retrieval" else None)
    schedule = started(configured(steps=3, retrieval_steps=2)).trainer.schedule
    assert len(schedule) == 5
    phases = [{row.id.startswith("pair") for row in step.batches[0]} for step in schedule]
    assert phases == [{False}] * 3 + [{True}] * 2
    assert schedule[4].levels == ()


def test_pairs_without_graded_negatives_are_trained_alone_and_among_others(trained, configured, samples):
    pairs = [replace(row, negatives=[]) for row in samples]
    for mixture in (pairs, [*pairs[:12], *samples[12:]]):
        assert trained(configured(steps=4), mixture)[0]["loss"] > 0


def test_tokens_are_counted_without_padding(trained, configured, samples):
    pairs = [replace(row, negatives=[]) for row in samples]
    metrics, encoder = trained(configured(steps=1, batch_size=len(pairs)), pairs)
    texts = [text for row in pairs for text in (row.query, row.positive)]
    assert metrics["tokens"] == sum(map(len, encoder.tokenizer(texts, truncation=True, max_length=48)["input_ids"]))
    assert 0 <= metrics["padding"] < 1


def test_accumulated_batches_make_one_step(trained, configured):
    metrics, _ = trained(configured(steps=1, batch_size=12, gradient_accumulation=2))
    assert curve("loss")[0] == pytest.approx(metrics["loss"])
    single, _ = trained(configured(steps=1, batch_size=12))
    assert metrics["tokens"] > 1.5 * single["tokens"]


@pytest.mark.parametrize(("schedule", "later"), [("cosine", 4.268e-3), ("linear", 3.75e-3), ("constant", 5e-3)])
def test_learning_rate_rises_through_the_warm_up_and_then_goes_its_way(trained, configured, schedule, later):
    trained(configured(steps=12, warmup_steps=4, schedule=schedule))
    rates = curve("learning_rate")
    assert rates[:5] == sorted(rates[:5])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert max(rates) == rates[4] == 5e-3
    assert rates[6] == pytest.approx(later, rel=1e-3)


@pytest.mark.parametrize("pooling", ["mean", "latent"])
def test_adapters_and_pooling_are_trained_and_the_model_below_stays(started, configured, pooling):
    begun = started(configured({"pooling": pooling}, steps=4, lora=Lora(rank=2, alpha=4, dropout=0.0)))
    before = {name: weights.clone() for name, weights in begun.encoder.named_parameters()}
    list(begun.trainer.steps())
    moved = {name for name, weights in begun.encoder.named_parameters() if not torch.equal(weights, before[name])}
    assert moved == {name for name in before if "lora_" in name or name.startswith("latent.")}
    assert any(name.startswith("latent.") for name in moved) == (pooling == "latent")


def test_temperature_stays_or_is_learned(trained, configured):
    trained(configured(steps=4))
    assert set(curve("temperature")) == {0.05}
    trained(configured(steps=4, learned_temperature=True))
    assert len(set(curve("temperature"))) == 3  # the first step's learning rate is 0


def test_loss_that_is_not_finite_ends_the_run_with_its_step_and_the_samples_at_fault(started, configured):
    begun = started(configured())
    begun.encoder.model.embed_tokens.weight.data.fill_(float("nan"))
    with pytest.raises(UserError, match=r"is nan at step 0; samples s\d+, s\d+, s\d+, s\d+ and 2 more") as caught:
        next(begun.trainer.steps())
    assert "training.learning_rate" in str(caught.value)


def test_only_the_query_whose_loss_is_not_finite_is_named(started, configured):
    begun = started(configured({"curriculum": "n1"}, batch_size=6))
    odd = begun.trainer.schedule[0].batches[0][2]
    token = begun.encoder.tokenizer("§", add_special_tokens=False)["input_ids"][-1]
    begun.encoder.model.embed_tokens.weight.data[token] = float("nan")
    bad = replace(odd, query="§")
    phase = begun.trainer.schedule.phases[0]
    phase.samples[phase.samples.index(odd)] = bad
    with pytest.raises(UserError, match=rf"at step 0; samples {odd.id}$|samples {odd.id}\n"):
        next(begun.trainer.steps())


def test_gradient_that_is_not_finite_ends_the_run_before_the_weights_change(started, configured):
    begun = started(configured())
    before = [weights.clone() for weights in begun.encoder.parameters()]
    begun.encoder.model.norm.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(UserError, match=r"the gradient norm is (inf|nan) at step 0; samples s\d+"):
        next(begun.trainer.steps())
    assert all(torch.equal(*pair) for pair in zip(before, begun.encoder.parameters(), strict=True))
