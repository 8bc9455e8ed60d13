"""The trained encoder, the copies that training kept on its way to it, and its untrained start."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from mteb.models import ModelMeta

from stages.encoder import Encoder, EncoderConfig
from stages.encoder.guards import check_encoder
from stages.evaluation.models.embed import Embed, Embedded
from stages.evaluation.models.meta import hash_of_weights, model_meta
from stages.shared.errors import UserError
from stages.shared.files import read_json
from stages.shared.settings import Settings

ENCODER, CURVE, BACKBONE = Path("data/encoder"), Path("data/curve"), Path("data/backbone")
TRAINED, UNTRAINED = "encoder", "untrained"


def load(name: str, settings: Settings, device: str | torch.device) -> Encoder:
    """The trained encoder, the untrained one, or the copy `name`.

    Untrained is the backbone with the pooling and attention of params.yaml and no contrastive training.
    """
    params, runtime = settings.params, settings.profile.runtime
    dtype = torch.bfloat16 if runtime.precision == "bf16" else torch.float32
    options = {"device": device, "dtype": dtype, "attn_implementation": runtime.attn_implementation}
    if name == UNTRAINED:
        config = EncoderConfig.from_params(params, settings.profile.training)
        return Encoder.from_backbone(BACKBONE, config, seed=params.seed, **options)
    return Encoder.load(_folder(name), backbone=BACKBONE, **options)


def embed_with(encoder: Encoder, settings: Settings) -> Embed:
    """`encoder` as a function from texts to embeddings, with the profile's chunks and lengths."""
    options = settings.profile.evaluation

    def embed(texts: list[str], instruction: str) -> Embedded:
        cut: list[bool] = []
        embeddings = encoder.encode(
            texts,
            chunk_tokens=options.chunk_tokens,
            max_length=options.max_length,
            instructions=[instruction] * len(texts),
            on_tokens=lambda tokens: cut.extend(tokens.cut),
        )
        return Embedded(embeddings, np.array(cut, dtype=bool))

    return embed


def check(encoder: Encoder, texts: list[str], settings: Settings) -> None:
    """The probes that training makes too, on `texts`. Raises UserError if the encoder is not as its settings say."""
    check_encoder(encoder, texts, max_length=settings.profile.evaluation.max_length)


def describe(name: str, encoder: Encoder, settings: Settings) -> ModelMeta:
    """mteb's description of the encoder that `load` gave: what shapes its scores is all there."""
    options, runtime = settings.profile.evaluation, settings.profile.runtime
    model, config = encoder.model, encoder.config
    parameters = sum(weights.numel() for weights in encoder.parameters())
    size = sum(weights.numel() * weights.element_size() for weights in encoder.parameters())
    backbone = _backbone()
    if name == UNTRAINED:
        revision = backbone.get("revision") or hash_of_weights(BACKBONE / "model")
    else:
        revision = hash_of_weights(_folder(name))
    return model_meta(
        name,
        revision=revision,
        embed_dim=model.config.hidden_size,
        framework=["PyTorch", "Transformers", "safetensors"],
        n_parameters=parameters,
        n_embedding_parameters=model.get_input_embeddings().weight.numel(),
        memory_usage_mb=size / 2**20,
        max_tokens=options.max_length,
        adapted_from=backbone.get("model"),
        use_instructions=config.instructions,
        experiment_kwargs={
            **asdict(config),
            **({"seed": settings.params.seed} if name == UNTRAINED and config.pooling == "latent" else {}),
            "evaluation_instructions": options.instructions or None,
            "dtype": str(model.dtype).removeprefix("torch."),
            "embeddings": options.embeddings,
            "attn_implementation": runtime.attn_implementation,
        },
    )


def _folder(name: str) -> Path:
    return ENCODER if name == TRAINED else CURVE / name


def _backbone() -> dict:
    path = BACKBONE / "backbone.json"
    if not path.exists():
        raise UserError(f"{path} does not exist", next="run `dvc repro backbone`")
    return read_json(path)
