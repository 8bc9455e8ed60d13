"""What is told of a model in its card and to mteb."""

from dataclasses import dataclass
from pathlib import Path

from stages.encoder import Encoder, EncoderConfig
from stages.evaluation.export.layout import prompts_of
from stages.evaluation.models.meta import hash_of_weights, model_meta
from stages.shared.files import write_json
from stages.shared.settings import Settings

META_FILE = "mteb_model_meta.json"


@dataclass(frozen=True)
class Facts:
    """One exported model."""

    name: str
    config: EncoderConfig
    parameters: int
    embedding_parameters: int
    bytes: int
    hidden_size: int
    dtype: str
    max_length: int
    revision: str  # the hash of the weights that were scored
    task_instructions: dict[str, str]  # in place of mteb's, when it was scored
    languages: list[str]  # of the training texts, ISO 639-1; empty where nobody knows
    base: str | None  # the Hub's name of the model that training started from
    license: str | None
    adapter: bool
    code: bool

    @property
    def prompts(self) -> dict[str, str]:
        return prompts_of(self.config)


def collect(name: str, encoder: Encoder, folder: Path, settings: Settings, **told) -> Facts:
    """The facts of `encoder`, which was read from `folder`; `told` are those that neither it nor the settings know."""
    config = encoder.model.config
    weights = list(encoder.parameters())
    return Facts(
        name=name,
        config=encoder.config,
        parameters=sum(tensor.numel() for tensor in weights),
        embedding_parameters=encoder.model.get_input_embeddings().weight.numel(),
        bytes=sum(tensor.numel() * tensor.element_size() for tensor in weights),
        hidden_size=config.hidden_size,
        dtype=str(encoder.model.dtype).removeprefix("torch."),
        max_length=settings.profile.evaluation.max_length,
        revision=hash_of_weights(folder),
        task_instructions=settings.profile.evaluation.instructions,
        **told,
    )


def write_meta(folder: Path, facts: Facts) -> None:
    """Write mteb's description of the model: `ModelMeta.model_validate_json_resolved` reads it."""
    meta = model_meta(
        facts.name,
        revision=facts.revision,
        embed_dim=facts.hidden_size,
        framework=["Sentence Transformers", "PyTorch", "safetensors"],
        n_parameters=facts.parameters,
        n_embedding_parameters=facts.embedding_parameters,
        memory_usage_mb=facts.bytes / 2**20,
        max_tokens=facts.max_length,
        license=facts.license,
        languages=["eng-Latn"] if facts.languages == ["en"] else None,
        use_instructions=facts.config.instructions,
        adapted_from=facts.base,
    )
    described = meta.to_dict()
    described.pop("is_cross_encoder")  # which mteb writes, and warns of when it reads it
    write_json(folder / META_FILE, described)
