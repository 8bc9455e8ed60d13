"""The trained encoder, its untrained start and a TF-IDF baseline as mteb models."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mteb.models import ModelMeta
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ScoringFunction
from mteb.types import PromptType

from stages.encoder import Encoder, EncoderConfig
from stages.evaluation.tfidf import TfidfEmbedder
from stages.shared.errors import UserError
from stages.shared.files import read_json
from stages.shared.records import Document, read_records
from stages.shared.settings import Settings

ENCODER, BACKBONE, TRAIN = Path("data/encoder"), Path("data/backbone"), "data/corpus/train.parquet"


class TextModel(AbsEncoder):
    """A function from texts to embeddings as an mteb encoder, compared by cosine similarity.

    Texts given to `remember` are embedded once: our six tasks read the same summaries and bodies.
    """

    def __init__(self, embed: Callable[[list[str], str], np.ndarray], meta: ModelMeta, *, instructions: bool = False):
        """`embed` gets texts and the instruction that they share, which is "" unless `instructions` are used."""
        self._embed = embed
        self._instructions = instructions
        self._known: dict[str, np.ndarray] = {}
        self.mteb_model_meta = meta

    def remember(self, texts: list[str]) -> None:
        """Embed `texts` in one pass, so that their embeddings do not depend on which tasks ask for them."""
        self._known = dict(zip(texts, self._finite(texts, ""), strict=True))

    def encode(self, inputs, *, task_metadata, hf_split, hf_subset, prompt_type=None, **kwargs: Any) -> np.ndarray:  # noqa: ARG002
        """float32 embeddings (texts, D) of the batches of `inputs`. Raises UserError when one is not finite.

        An encoder that was trained with instructions gets mteb's for the task, on everything but documents.
        """
        texts = [text for batch in inputs for text in batch["text"]]
        instruction = ""
        if self._instructions and prompt_type != PromptType.document:
            instruction = self.get_instruction(task_metadata, prompt_type) or ""
        if not instruction and all(text in self._known for text in texts):
            return np.stack([self._known[text] for text in texts])
        return self._finite(texts, instruction)

    def _finite(self, texts: list[str], instruction: str) -> np.ndarray:
        embeddings = self._embed(texts, instruction)
        bad = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
        if len(bad):
            raise UserError(
                f"{self.mteb_model_meta.name} gives NaN or infinite embeddings for {len(bad)} of {len(texts)} texts, "
                f"first: {texts[bad[0]][:80]!r}",
                next="see reports/metrics/training.json for the loss; lower training.learning_rate, or choose "
                "runtime.precision=no",
            )
        return embeddings


def load_trained(settings: Settings) -> TextModel:
    """The encoder that training left in data/encoder."""
    runtime = settings.profile.runtime
    encoder = Encoder.load(
        ENCODER,
        backbone=BACKBONE,
        device=runtime.device,
        dtype=_dtype(settings),
        attn_implementation=runtime.attn_implementation,
    )
    return _encoder_model("encoder", encoder, _hash_of_weights(ENCODER), settings)


def load_untrained(settings: Settings) -> TextModel:
    """The backbone with the pooling and attention of params.yaml and no contrastive training."""
    params, profile = settings.params, settings.profile
    encoder = Encoder.from_backbone(
        BACKBONE,
        EncoderConfig.from_params(params, profile.training),
        seed=params.seed,
        device=profile.runtime.device,
        dtype=_dtype(settings),
        attn_implementation=profile.runtime.attn_implementation,
    )
    revision = _backbone().get("revision") or _hash_of_weights(BACKBONE / "model")
    return _encoder_model("untrained", encoder, revision, settings)


def load_tfidf(settings: Settings) -> TextModel:  # noqa: ARG001 (one signature for all three)
    """TF-IDF fitted on the training documents: what counting shared words achieves."""
    embedder = TfidfEmbedder([f"{row.summary} {row.body}" for row in read_records(TRAIN, Document)])
    return TextModel(
        lambda texts, _: embedder(texts),
        model_meta("tfidf", revision=embedder.revision, embed_dim=embedder.dimensions, framework=[]),
    )


def _dtype(settings: Settings) -> torch.dtype:
    return torch.bfloat16 if settings.profile.runtime.precision == "bf16" else torch.float32


def _encoder_model(name: str, encoder: Encoder, revision: str, settings: Settings) -> TextModel:
    options = settings.profile.evaluation
    model, config = encoder.model, encoder.config
    parameters = sum(weights.numel() for weights in encoder.parameters())
    meta = model_meta(
        name,
        revision=revision,
        embed_dim=model.config.hidden_size,
        framework=["PyTorch", "Transformers", "safetensors"],
        n_parameters=parameters,
        n_embedding_parameters=model.get_input_embeddings().weight.numel(),
        memory_usage_mb=parameters * 4 / 2**20,
        max_tokens=options.max_length,
        adapted_from=_backbone().get("model"),
        experiment_kwargs={"pooling": config.pooling, "attention": config.attention},
    )

    def embed(texts: list[str], instruction: str) -> np.ndarray:
        return encoder.encode(
            texts,
            chunk_tokens=options.chunk_tokens,
            max_length=options.max_length,
            instructions=[instruction] * len(texts),
            progress=True,
        )

    return TextModel(embed, meta, instructions=config.instructions)


def model_meta(name: str, **own: Any) -> ModelMeta:
    """mteb's description of one of our models; what `own` leaves out is unknown or does not apply."""
    unknown = ("n_parameters", "memory_usage_mb", "max_tokens", "release_date", "license", "open_weights")
    links = ("public_training_code", "public_training_data", "training_datasets")
    return ModelMeta(
        **{
            **dict.fromkeys((*unknown, *links)),
            "loader": None,
            "name": f"mgh-ata-embeddings/{name}",
            "languages": ["eng-Latn"],
            "similarity_fn_name": ScoringFunction.COSINE,
            "use_instructions": False,
            **own,
        }
    )


def _backbone() -> dict:
    path = BACKBONE / "backbone.json"
    if not path.exists():
        raise UserError(f"{path} does not exist", next="run `dvc repro backbone`")
    return read_json(path)


def _hash_of_weights(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
