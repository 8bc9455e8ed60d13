"""Saved encoders on the tiny backbone, and their exports."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from sentence_transformers import SentenceTransformer

from stages.encoder import Encoder, EncoderConfig
from stages.evaluation.export.write import Export, write_export
from stages.shared.settings import Lora, Settings

MAX_LENGTH = 96  # room for an instruction and a query in the tiny tokenizer's tokens
LORA = Lora(rank=2, alpha=4, dropout=0.0)


class Exported(NamedTuple):
    """An export and the encoder that it was made from."""

    encoder: Encoder
    export: Export

    @property
    def path(self) -> str:
        return str(self.export.folder)

    def load(self, **options) -> SentenceTransformer:
        """The export as its users load it; only one that says so needs trust."""
        return SentenceTransformer(
            self.path, device="cpu", trust_remote_code=self.export.facts.code, local_files_only=True, **options
        )

    def ours(self, texts: list[str], instruction: str = "", max_length: int = MAX_LENGTH):
        """The embeddings that the encoder itself makes."""
        return self.encoder.encode(
            texts, chunk_tokens=256, max_length=max_length, instructions=[instruction] * len(texts)
        )


def train_adapter(encoder: Encoder) -> None:
    """Adapters that are not at their start, where they change nothing."""
    encoder.add_lora(LORA)
    generator = torch.Generator().manual_seed(0)
    for weights in encoder.parameters():
        if weights.requires_grad:
            weights.data = 0.3 * torch.randn(weights.shape, generator=generator)


@pytest.fixture(scope="session")
def texts_of_all_lengths(texts):
    """Texts of one to more than `MAX_LENGTH` tokens, not sorted by length; some are cut in the middle of a word."""
    return ["matrix", *(text[: 9 * index + 3] for index, text in enumerate(texts[:12])), " ".join(texts)][::-1]


def save_encoder(config: EncoderConfig, folder: Path, backbone: Path, *, adapter: bool = False) -> Path:
    """Save an untrained encoder as training would; with `adapter` that alone."""
    encoder = Encoder.from_backbone(backbone, config)
    if adapter:
        train_adapter(encoder)
        encoder.save_copy(folder, backbone)
    else:
        encoder.save(folder)
    return folder


@pytest.fixture(scope="session")
def settings_of(settings) -> Callable[[EncoderConfig], Settings]:
    """The settings of a run that trains an encoder of this config."""

    def make(config: EncoderConfig) -> Settings:
        params, profile = settings.params, settings.profile
        ata = params.ata.model_copy(update={"score": config.ata_score, "detach": config.ata_detach})
        latent = params.latent.model_copy(update={"size": config.latent_size, "heads": config.latent_heads})
        shape = {"pooling": config.pooling, "attention": config.attention, "ata": ata, "latent": latent}
        training = {"instructions": config.instructions, "pool_instructions": config.pool_instructions}
        parts = {
            "training": profile.training.model_copy(update=training),
            "evaluation": profile.evaluation.model_copy(update={"max_length": MAX_LENGTH}),
        }
        return replace(settings, params=params.model_copy(update=shape), profile=profile.model_copy(update=parts))

    return make


@pytest.fixture(scope="session")
def shared(backbone, settings_of, tmp_path_factory) -> Callable[[EncoderConfig], Exported]:
    """`shared(config)` is an export for tests that only read it, made once and where no stage has left anything."""
    made: dict[EncoderConfig, Exported] = {}

    def make(config: EncoderConfig) -> Exported:
        if config not in made:
            folder = tmp_path_factory.mktemp("shared")
            save_encoder(config, folder / "encoder", backbone)
            with contextlib.chdir(folder):
                written = write_export("encoder", "model", settings_of(config), backbone=backbone)
            made[config] = Exported(Encoder.load(folder / "encoder"), written)
        return made[config]

    return make


@pytest.fixture
def export(backbone, settings_of, tmp_path, monkeypatch) -> Callable[..., Exported]:
    """`export(config, name)`: an export of its own; the working directory is one in which no stage has run."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    def make(
        config: EncoderConfig, name: str = "model", *, saved_as_adapter: bool = False, on: Path = backbone, **options
    ) -> Exported:
        folder = save_encoder(config, tmp_path / f"{name}-encoder", on, adapter=saved_as_adapter)
        written = write_export(folder, tmp_path / name, settings_of(config), backbone=on, **options)
        return Exported(Encoder.load(folder, backbone=on), written)

    return make


@pytest.fixture
def saved(backbone, tmp_path) -> Path:
    """A saved encoder with mean pooling."""
    return save_encoder(EncoderConfig("mean", "bidirectional"), tmp_path / "encoder", backbone)
