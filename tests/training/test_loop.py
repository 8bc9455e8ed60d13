"""A short training run on the tiny backbone."""

from dataclasses import replace

import pytest
import torch

from stages.encoder import Encoder, EncoderConfig
from stages.shared.errors import UserError
from stages.shared.settings import Lora, Settings
from stages.training.loop import CURVES, train

pytestmark = pytest.mark.usefixtures("repository")

STEPS = 16


@pytest.fixture
def configured(settings):
    """`configured(params, **training)`: settings of a run of 16 steps with 6 samples each."""

    def make(params=(), **training):
        values = {"steps": STEPS, "batch_size": 6, "learning_rate": 5e-3, "warmup_steps": 2, "max_length": 48}
        options = settings.profile.training.model_copy(update={**values, **training})
        profile = settings.profile.model_copy(update={"training": options})
        return Settings(settings.params.model_copy(update=dict(params)), profile)

    return make


@pytest.fixture
def new_encoder(backbone):
    return lambda pooling="mean": Encoder.from_backbone(backbone, EncoderConfig(pooling, "bidirectional"))


def curve(folder, name):
    """The values of one curve, step by step."""
    lines = (folder / CURVES / "plots/metrics" / f"{name}.tsv").read_text().splitlines()
    return [float(line.split("\t")[1]) for line in lines[1:]]


@pytest.mark.parametrize("pooling", ["mean", "last", "latent", "ata"])
def test_training_lowers_the_loss(new_encoder, samples, configured, repository, pooling):
    metrics = train(new_encoder(pooling), samples, configured({"curriculum": "n2"}))
    losses = curve(repository, "loss")
    assert len(losses) == STEPS
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    assert (metrics["steps"], metrics["samples"]) == (STEPS, len(samples))
    assert metrics["loss"] == pytest.approx(sum(losses) / STEPS)


def test_run_repeats_bit_for_bit_and_another_seed_gives_another_model(new_encoder, samples, configured):
    runs = []
    for seed in (0, 0, 1):
        encoder = new_encoder()
        metrics = train(encoder, samples, configured({"seed": seed}))
        runs.append((metrics, list(encoder.parameters())))
    assert runs[0][0] == runs[1][0]
    assert all(torch.equal(*pair) for pair in zip(runs[0][1], runs[1][1], strict=True))
    assert not all(torch.equal(*pair) for pair in zip(runs[0][1], runs[2][1], strict=True))


@pytest.fixture
def embedded(samples, configured, new_encoder, monkeypatch):
    """`embedded(params, **training)`: for each step of a run, the queries, positives and negatives that it embeds."""

    def run(params=(), **training):
        encoder, met = new_encoder(), []
        embed = encoder.embed
        monkeypatch.setattr(encoder, "embed", lambda texts, length: met.append(texts) or embed(texts, length))
        train(encoder, samples, configured(params, **training))
        return [(texts[:6], texts[6:12], texts[12:]) for texts in met]

    return run


@pytest.mark.parametrize(("curriculum", "expected"), [("coarse_to_fine", "4321"), ("fine_to_coarse", "1234")])
def test_each_step_meets_the_negatives_of_its_level(embedded, curriculum, expected):
    steps = embedded({"curriculum": curriculum}, steps=4)
    assert [{text[:2] for text in negatives} for _, _, negatives in steps] == [{f"N{level}"} for level in expected]
    assert {len(negatives) for _, _, negatives in steps} == {6}


def test_query_and_positive_of_a_row_belong_together(embedded, samples):
    positive_of = {row.query: row.positive for row in samples}
    for queries, positives, _ in embedded(steps=2):
        assert [positive_of[query] for query in queries] == positives


def test_pairs_without_graded_negatives_are_trained_alone_and_among_others(new_encoder, samples, configured):
    pairs = [replace(row, negatives=[]) for row in samples]
    for mixture in (pairs, [*pairs[:12], *samples[12:]]):
        metrics = train(new_encoder(), mixture, configured(steps=4))
        assert metrics["loss"] > 0


def test_tokens_are_counted_without_padding(new_encoder, samples, configured):
    encoder = new_encoder()
    pairs = [replace(row, negatives=[]) for row in samples]
    metrics = train(encoder, pairs, configured(steps=1, batch_size=len(pairs)))
    texts = [text for row in pairs for text in (row.query, row.positive)]
    assert metrics["tokens"] == sum(map(len, encoder.tokenizer(texts, truncation=True, max_length=48)["input_ids"]))


def test_accumulated_batches_make_one_step(new_encoder, samples, configured, repository):
    metrics = train(new_encoder(), samples, configured(steps=3, gradient_accumulation=2))
    rates = curve(repository, "learning_rate")
    assert (len(rates), metrics["steps"]) == (3, 3)
    single = train(new_encoder(), samples, configured(steps=3))
    assert metrics["tokens"] > 1.5 * single["tokens"]


def test_learning_rate_rises_through_the_warm_up_and_then_falls(new_encoder, samples, configured, repository):
    train(new_encoder(), samples, configured(warmup_steps=4))
    rates = curve(repository, "learning_rate")
    assert rates[:5] == sorted(rates[:5])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert max(rates) == rates[4] == 5e-3


@pytest.mark.parametrize("pooling", ["mean", "latent"])
def test_adapters_and_pooling_are_trained_and_the_model_below_stays(new_encoder, samples, configured, pooling):
    encoder = new_encoder(pooling)
    encoder.add_lora(Lora(rank=2, alpha=4, dropout=0.0))
    before = {name: weights.clone() for name, weights in encoder.named_parameters()}
    train(encoder, samples, configured(steps=4))
    moved = {name for name, weights in encoder.named_parameters() if not torch.equal(weights, before[name])}
    assert moved == {name for name in before if "lora_" in name or name.startswith("latent.")}
    assert any(name.startswith("latent.") for name in moved) == (pooling == "latent")


def test_loss_that_is_not_finite_ends_the_run_with_its_step_and_samples(new_encoder, samples, configured):
    encoder = new_encoder()
    encoder.model.embed_tokens.weight.data.fill_(float("nan"))
    with pytest.raises(UserError, match=r"the loss is nan at step 0; samples s\d+, s\d+") as caught:
        train(encoder, samples, configured())
    assert "training.learning_rate" in str(caught.value)
