"""Whether the settings of today may have made an encoder."""

from dataclasses import replace

import pytest

from stages.encoder import EncoderConfig
from stages.evaluation.export.recipe import other_recipe
from stages.shared.files import write_json
from stages.shared.settings import HubBackbone

COMMIT = "0123456789abcdef" * 2 + "01234567"


def config(pooling, **changes):
    return replace(EncoderConfig(pooling, "bidirectional"), **changes)


@pytest.mark.parametrize(
    ("trained", "now", "told"),
    [
        (config("mean"), config("last"), "pooling mean, the settings now say last"),
        (config("mean"), replace(config("mean"), attention="causal"), "attention bidirectional"),
        (config("mean", instructions=True), config("mean"), "instructions True"),
        (config("mean", pool_instructions=False), config("mean"), "pool_instructions False"),
        (config("ata", ata_score="linear"), config("ata"), "ata_score linear, the settings now say log1p"),
        (config("ata", ata_detach=True), config("ata"), "ata_detach True, the settings now say False"),
        (config("latent", latent_size=64), config("latent"), "latent_size 64, the settings now say 512"),
        (config("latent", latent_heads=2), config("latent"), "latent_heads 2, the settings now say 8"),
    ],
)
def test_setting_that_made_another_encoder_is_named(settings_of, backbone, trained, now, told):
    assert f"the encoder was trained with {told}" in other_recipe(settings_of(now), trained, backbone)
    assert other_recipe(settings_of(trained), trained, backbone) is None


@pytest.mark.parametrize("pooling", ["mean", "ata", "latent"])
def test_settings_of_another_pooling_do_not_matter(settings_of, backbone, pooling):
    trained = config(pooling)
    others = {"ata_score": "linear", "ata_detach": True} if pooling != "ata" else {"latent_size": 64, "latent_heads": 2}
    assert other_recipe(settings_of(replace(trained, **others)), trained, backbone) is None


@pytest.mark.parametrize(
    ("revision", "same"),
    [(COMMIT, True), (COMMIT[:7], True), ("release-1", True), ("f" * 40, False), (COMMIT[1:9], False)],
)
def test_other_revision_of_a_hub_backbone_is_told(settings_of, tmp_path, revision, same):
    write_json(tmp_path / "backbone.json", {"kind": "hub", "model": "org/name", "revision": COMMIT})
    settings = settings_of(config("mean"))
    named = HubBackbone.model_construct(kind="hub", model="org/name", revision=revision)
    settings = replace(settings, profile=settings.profile.model_copy(update={"backbone": named}))
    told = other_recipe(settings, config("mean"), tmp_path)
    assert (told is None) is same
    assert same or f"holds revision {COMMIT} of the backbone, the profile now says {revision}" in told
