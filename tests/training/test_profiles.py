"""The settings of the profiles that need a GPU, on a toy of the same architecture."""

from dataclasses import replace

import pytest
from ruamel.yaml import YAML
from transformers import AutoConfig, AutoModel

from stages.encoder import Encoder
from stages.encoder.guards import check_encoder
from stages.shared.errors import UserError
from stages.shared.files import write_json
from stages.shared.settings import Profile, Settings
from stages.training.export import save_checked, whole
from stages.training.loop import train

TOY = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}
SMALL = {"steps": 3, "batch_size": 4, "warmup_steps": 1, "chunk_tokens": 256, "graph_tokens": 256, "max_length": 48}


@pytest.fixture
def toy(repository, settings, tokenizer):
    """`toy(profile)`: settings with that profile's ways of training, on a toy that lies where the backbone says."""

    def make(name):
        text = (repository / f"profiles/{name}.yaml").read_text()
        profile = Profile.model_validate(YAML(typ="safe", pure=True).load(text))
        sizes = {**TOY, "vocab_size": len(tokenizer)}
        config = AutoConfig.for_model(profile.backbone.architecture.model_type, **sizes)
        model = AutoModel.from_config(config)
        model.save_pretrained(repository / "toy")
        tokenizer.save_pretrained(repository / "toy")
        hub = {"kind": "hub", "model": str(repository / "toy"), "revision": "0123456", "trust_remote_code": False}
        hub["append_eos"] = profile.backbone.append_eos
        write_json("data/backbone/backbone.json", hub)
        architecture = profile.backbone.architecture.model_copy(update=sizes)
        backbone = profile.backbone.model_copy(update={"architecture": architecture})
        runtime = profile.runtime.model_copy(update={"device": "cpu"})
        options = profile.training.model_copy(update={**SMALL, "curve_every": 2})
        update = {"runtime": runtime, "backbone": backbone, "training": options}
        return Settings(settings.params.model_copy(update={"pooling": "ata"}), profile.model_copy(update=update))

    return make


@pytest.mark.parametrize("name", ["small", "paper"])
def test_profile_trains_a_toy_of_its_architecture(toy, name, samples, texts, tmp_path):
    from accelerate.state import AcceleratorState

    from stages.training.build import build_encoder, describe_run
    from stages.training.schedule import Schedule
    from stages.training.trainer import Trainer

    AcceleratorState._reset_state()  # one process has one precision; here several runs share it
    settings = toy(name)
    assert settings.profile.runtime.precision == "bf16"
    many = [replace(row, instruction="Find it", id=f"{row.id} {copy}") for copy in range(2) for row in samples]
    schedule = Schedule.from_settings(settings, many)
    encoder = build_encoder(settings)
    check_encoder(encoder, texts, max_length=48, precision="bf16")
    trainer = Trainer(encoder, schedule, settings)
    metrics, checkpoints = train(trainer, settings, describe_run(settings, schedule), lambda: build_encoder(settings))
    assert metrics["steps"] == 3
    trained = whole(trainer, None)
    save_checked(trained, tmp_path / "out", texts, export="merged", max_length=48, precision="bf16")
    loaded = Encoder.load(tmp_path / "out")
    assert loaded.config.instructions
    assert not loaded.config.pool_instructions
    checkpoints.clear()
    AcceleratorState._reset_state()


def test_model_of_another_shape_than_the_profile_says_is_refused(toy):
    from stages.training.build import build_encoder

    settings = toy("paper")
    architecture = settings.profile.backbone.architecture.model_copy(update={"num_hidden_layers": 3})
    backbone = settings.profile.backbone.model_copy(update={"architecture": architecture})
    other = Settings(settings.params, settings.profile.model_copy(update={"backbone": backbone}))
    with pytest.raises(UserError, match=r"num_hidden_layers: the profile says 3, the model's config.json 2"):
        build_encoder(other)
