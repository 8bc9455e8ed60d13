"""The trained encoder and its untrained start."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stages.evaluation.models import encoders
from stages.evaluation.models.encoders import check, describe, embed_with, load
from stages.shared.errors import UserError
from stages.shared.settings import Ata

pytestmark = pytest.mark.usefixtures("outputs")


def with_params(settings, **update):
    return replace(settings, params=settings.params.model_copy(update=update))


def described(name, settings):
    return describe(name, load(name, settings, "cpu"), settings)


def test_encoders_describe_what_shapes_their_scores(settings):
    trained, untrained = (described(name, settings) for name in ("encoder", "untrained"))
    assert trained.experiment_kwargs["pooling"] == "last"
    assert trained.experiment_kwargs["attention"] == "causal"
    assert trained.experiment_kwargs["dtype"] == "float32"
    assert untrained.experiment_kwargs["pooling"] == "mean"
    assert trained.revision == untrained.revision  # equal weights: nothing was trained here
    assert trained.embed_dim == 32
    assert trained.max_tokens == settings.profile.evaluation.max_length
    assert trained.use_instructions is False


@pytest.mark.parametrize(
    ("varied", "other"),
    [
        ({"pooling": "latent", "seed": 1}, {"pooling": "latent", "seed": 2}),
        (
            {"pooling": "ata", "ata": Ata(score="log1p", detach=False)},
            {"pooling": "ata", "ata": Ata(score="linear", detach=False)},
        ),
        ({"attention": "causal"}, {"attention": "bidirectional"}),
    ],
)
def test_untrained_encoders_that_score_otherwise_are_described_otherwise(settings, varied, other):
    first, second = (described("untrained", with_params(settings, **update)) for update in (varied, other))
    assert first.experiment_kwargs != second.experiment_kwargs


def test_seed_that_changes_no_weight_changes_no_description(settings):
    first, second = (described("untrained", with_params(settings, seed=seed)) for seed in (1, 2))
    assert first == second


def test_bf16_profile_loads_bf16_weights_and_says_so(settings):
    runtime = settings.profile.runtime.model_copy(update={"precision": "bf16"})
    settings = replace(settings, profile=settings.profile.model_copy(update={"runtime": runtime}))
    encoder = load("encoder", settings, "cpu")
    assert encoder.model.dtype == torch.bfloat16
    meta = describe("encoder", encoder, settings)
    assert meta.experiment_kwargs["dtype"] == "bfloat16"
    assert meta.memory_usage_mb == pytest.approx(meta.n_parameters * 2 / 2**20)


def test_untrained_latent_pooling_repeats_with_the_seed_of_the_run_and_counts_its_weights(settings, texts):
    def untrained(pooling, seed):
        varied = with_params(settings, pooling=pooling, seed=seed)
        encoder = load("untrained", varied, "cpu")
        embeddings = embed_with(encoder, varied)(texts[:3], "").embeddings
        return describe("untrained", encoder, varied).n_parameters, embeddings

    (count, first), (_, again), (_, other) = (untrained("latent", seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert count - untrained("mean", 0)[0] == 512 * 32 + 3 * 2 * 32 + 4 * 32**2 + (33 * 256 + 129 * 32)


def test_texts_that_are_cut_are_told(settings, texts):
    options = settings.profile.evaluation.model_copy(update={"max_length": 16})
    settings = replace(settings, profile=settings.profile.model_copy(update={"evaluation": options}))
    embed = embed_with(load("encoder", settings, "cpu"), settings)
    embeddings, cut = embed(["short", texts[0] * 4, ""], "")
    assert cut.tolist() == [False, True, False]
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


def test_encoder_that_is_not_as_its_settings_say_is_refused_before_it_is_believed(settings, texts):
    encoder = load("encoder", settings, "cpu")
    check(encoder, texts, settings)
    encoder.model.config.is_causal = False
    with pytest.raises(UserError, match="attention: causal is asked for"):
        check(encoder, texts, settings)


def test_missing_backbone_names_the_command(settings, monkeypatch, tmp_path):
    encoder = load("encoder", settings, "cpu")
    monkeypatch.setattr(encoders, "BACKBONE", tmp_path / "absent")
    with pytest.raises(UserError, match="dvc repro backbone"):
        describe("encoder", encoder, settings)


def test_folder_of_another_tool_names_the_command(settings, outputs):
    (outputs / "encoder.json").unlink()
    with pytest.raises(UserError, match="dvc repro training"):
        load("encoder", settings, "cpu")
