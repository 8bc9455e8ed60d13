"""The only reader of params.yaml and profiles/<profile>.yaml.

params.yaml holds what the paper varies, the profile what a machine affords. Unknown keys, wrong types and values out of
range end the stage with the file, the key, what was given and what is allowed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError

from stages.shared.errors import UserError
from stages.shared.settings_base import (
    Count,
    LanguageCode,
    Seconds,
    Share,
    Shares,
    Strict,
    Weight,
    Words,
)
from stages.shared.settings_errors import explain

PARAMS_FILE = "params.yaml"
PROFILES_FOLDER = "profiles"

# --- params.yaml: what the paper varies ------------------------------------------------------------------------------


class Ata(Strict):
    """Variants of anchor-token-aware pooling; the defaults are our reading of the paper."""

    score: Literal["log1p", "linear"]
    detach: bool


class Latent(Strict):
    """Latent attention pooling; the defaults are NV-Embed's. Whether `heads` fits is known with the model alone."""

    size: Count
    heads: Count


class Params(Strict):
    profile: str
    pooling: Literal["mean", "last", "latent", "ata"]
    curriculum: Literal["coarse_to_fine", "fine_to_coarse", "random", "n1", "n2", "n3", "n4", "all"]
    training_data: Literal["synthetic", "retrieval", "both"]
    attention: Literal["bidirectional", "causal"]
    latent: Latent
    ata: Ata
    seed: Annotated[int, Field(ge=0)]


# --- profiles/<profile>.yaml: what a machine affords -----------------------------------------------------------------


class Hardware(Strict):
    """What `python -m stages.training --plan` reckons with; no stage depends on it."""

    name: str
    count: Count
    memory_gib: Annotated[float, Field(gt=0)]
    teraflops: Annotated[float, Field(gt=0)]  # dense matrix products of the precision in use, by the data sheet
    efficiency: Annotated[float, Field(gt=0, le=1)]  # the part of it that training reaches


class Runtime(Strict):
    device: Literal["cpu", "cuda"]
    precision: Literal["no", "bf16"]
    attn_implementation: Literal["auto", "sdpa", "flash_attention_2", "flash_attention_3"]
    threads: Count
    instruction_set: Literal["avx2", "native"]
    offline: bool


class PackagesSource(Strict):
    """Documentation of installed Python packages."""

    kind: Literal["packages"]
    train: list[str] = Field(min_length=1)
    held_out: list[str] = Field(min_length=1)
    max_per_package: Count

    @model_validator(mode="after")
    def _disjoint(self):
        if both := sorted(set(self.train) & set(self.held_out)):
            raise ValueError(f"{', '.join(both)} stands in both train and held_out")
        return self


class Columns(Strict):
    """Names of the columns that hold the short and the long text of a pair."""

    summary: str
    body: str


class HubSource(Strict):
    """A data set on the Hugging Face Hub, pinned to a revision."""

    kind: Literal["hub"]
    path: str
    config: str | None
    revision: str = Field(min_length=7)
    train_split: str
    held_out_split: str
    columns: Columns
    max_rows: Count


class FilesSource(Strict):
    """Local JSONL or Parquet files."""

    kind: Literal["files"]
    train: str
    held_out: str
    columns: Columns
    max_rows: Count


class Corpus(Strict):
    source: Annotated[PackagesSource | HubSource | FilesSource, Field(discriminator="kind")]
    min_summary_words: Count
    max_summary_characters: Count
    min_body_words: Count
    max_body_characters: Count
    near_duplicate: Share


class LocalEndpoint(Strict):
    """The pipeline's own server: answers from the corpus, started and stopped by the stage."""

    kind: Literal["local"]
    fault_share: Share


class Server(Strict):
    """One address at which the model is served, with the limits that its provider sets."""

    base_url: str
    api_key_env: str  # name of the environment variable that holds the key; the key itself is never stored
    weight: Annotated[float, Field(gt=0)] = 1.0
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None


class OpenAIEndpoint(Strict):
    """One model behind one or several servers that speak the OpenAI protocol; they share the work by weight."""

    kind: Literal["openai"]
    model: str
    servers: list[Server] = Field(min_length=1)


AnyEndpoint = Annotated[LocalEndpoint | OpenAIEndpoint, Field(discriminator="kind")]


class Price(Strict):
    """US dollars for a million tokens; `batch` is the part of it that batch mode costs."""

    prompt: Annotated[float, Field(ge=0)]
    completion: Annotated[float, Field(ge=0)]
    batch: Share


class Llm(Strict):
    endpoint: AnyEndpoint
    response_format: Literal["json_schema", "json_object", "text"]
    seed: Annotated[int, Field(ge=0)]
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Count
    concurrency: Count
    max_retries: Annotated[int, Field(ge=0)]
    timeout_seconds: Seconds
    prices: dict[str, Price]


class Brainstorm(Strict):
    tasks_per_kind: Count


class Sources(Strict):
    """Relative shares of what a request starts from."""

    task: Weight
    grounded: Weight
    retrieval: Weight

    @model_validator(mode="after")
    def _some(self):
        if not self.task + self.grounded + self.retrieval:
            raise ValueError("all shares are 0")
        return self


class Prompts(Strict):
    """Every request draws one value from each list, so the lists are what samples vary in."""

    samples: Count
    sources: Sources
    short_words: list[Words] = Field(min_length=1)
    long_words: list[Words] = Field(min_length=1)
    clarity: list[Literal["clear", "some_effort", "ambiguous"]] = Field(min_length=1)
    difficulty: list[Literal["school", "college", "expert"]] = Field(min_length=1)
    languages: dict[LanguageCode, Annotated[float, Field(gt=0)]] = Field(min_length=1)


class Judge(Strict):
    """A second model that grades the four negatives of a share of the samples."""

    endpoint: AnyEndpoint
    share: Share


class Synthesis(Strict):
    mode: Literal["online", "batch", "replay"]
    reasks: Annotated[int, Field(ge=0)]
    max_cost: Annotated[float, Field(gt=0)] | None
    max_tokens: Count | None
    length_tolerance: Annotated[float, Field(ge=1)]
    near_duplicate: Share
    judge: Judge | None


class Buckets(Strict):
    scorer: str  # "tfidf", or any model that sentence-transformers loads
    false_negative: Share
    near_duplicate: Share


class ScratchBackbone(Strict):
    """A small decoder and its BPE tokenizer, trained on the corpus."""

    kind: Literal["scratch"]
    vocabulary: Count
    hidden_size: Count
    layers: Count
    heads: Count
    intermediate_size: Count
    max_length: Count
    embedding_std: Annotated[float, Field(gt=0)]
    warmup_steps: Annotated[int, Field(ge=0)]
    warmup_length: Count
    batch_size: Count
    learning_rate: Annotated[float, Field(gt=0)]


class Architecture(Strict):
    """The shape of a Hub model under the names of its config.json; known here so that a run can be planned offline."""

    model_type: str
    vocab_size: Count
    hidden_size: Count
    intermediate_size: Count
    num_hidden_layers: Count
    num_attention_heads: Count
    num_key_value_heads: Count
    head_dim: Count


class HubBackbone(Strict):
    """A pretrained decoder on the Hugging Face Hub, pinned to a revision."""

    kind: Literal["hub"]
    model: str
    revision: str = Field(min_length=7)
    trust_remote_code: bool
    append_eos: bool
    architecture: Architecture


class Lora(Strict):
    rank: Count
    alpha: Count
    dropout: Share


class Training(Strict):
    steps: Count
    retrieval_steps: Annotated[int, Field(ge=0)]
    batch_size: Annotated[int, Field(ge=2)]
    gradient_accumulation: Count
    batches: Literal["mixed", "by_kind"]
    curriculum_boundaries: Annotated[Shares, Field(min_length=3, max_length=3)]
    max_length: Annotated[int, Field(ge=8)]
    instructions: bool
    pool_instructions: bool
    loss: Literal["one_way", "symmetric"]
    temperature: Annotated[float, Field(gt=0)]
    learned_temperature: bool
    false_negative_margin: Annotated[float, Field(ge=0, le=2)] | None
    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Literal["cosine", "linear", "constant"]
    warmup_steps: Annotated[int, Field(ge=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    max_gradient_norm: Annotated[float, Field(gt=0)]
    lora: Lora | None
    export: Literal["merged", "adapter"]
    chunk_tokens: Count
    graph_tokens: Count
    activation_checkpointing: bool
    compile: bool
    launch: str | None
    checkpoint_every: Count | None
    curve_every: Count | None

    @model_validator(mode="after")
    def _fits(self):
        if self.graph_tokens < self.chunk_tokens:
            raise ValueError(
                f"graph_tokens {self.graph_tokens} is less than chunk_tokens {self.chunk_tokens}: the activations of "
                "one chunk at least are held at once"
            )
        if self.export == "adapter" and self.lora is None:
            raise ValueError("export adapter needs lora, which is null: there is no adapter")
        return self


class TaskChoice(Strict):
    """A part of one of mteb's tasks: some of its languages (subsets) or splits; null: all that it is judged on."""

    task: str
    subsets: Annotated[list[str], Field(min_length=1)] | None = None
    splits: Annotated[list[str], Field(min_length=1)] | None = None


class Evaluation(Strict):
    tasks: list[str | TaskChoice] = Field(min_length=1)
    baselines: list[str]
    instructions: dict[str, str]  # by task
    curve_tasks: Annotated[list[str], Field(min_length=1)] | None
    mirror: str | None
    embeddings: Literal["fp32", "fp16"]
    launch: str | None
    chunk_tokens: Count
    max_length: Count
    max_documents: Count

    @model_validator(mode="after")
    def _different(self):
        names = ["encoder", *self.baselines]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"baselines {', '.join(twice)} stand there twice; the trained encoder is always evaluated")
        return self


class Profile(Strict):
    runtime: Runtime
    hardware: Hardware
    corpus: Corpus
    llm: Llm
    brainstorm: Brainstorm
    prompts: Prompts
    synthesis: Synthesis
    buckets: Buckets
    backbone: Annotated[ScratchBackbone | HubBackbone, Field(discriminator="kind")]
    training: Training
    evaluation: Evaluation


@dataclass(frozen=True)
class Settings:
    params: Params
    profile: Profile


def load_settings(root: str | Path = ".") -> Settings:
    """Read and check both files below `root`, the repository's top folder. Raises UserError."""
    root = Path(root)
    params = _load(root / PARAMS_FILE, PARAMS_FILE, Params)
    name = f"{PROFILES_FOLDER}/{params.profile}.yaml"
    if not (root / name).exists():
        known = sorted(path.stem for path in (root / PROFILES_FOLDER).glob("*.yaml"))
        raise UserError(
            f"{PARAMS_FILE}: profile: given {params.profile!r}, but {name} does not exist; allowed: {', '.join(known)}",
            next="choose one of these, or copy profiles/tiny.yaml to that name and edit it",
        )
    return Settings(params, _load(root / name, name, Profile))


def _load(path: Path, name: str, model: type[BaseModel]):
    if not path.exists():
        raise UserError(
            f"{name} does not exist in {path.parent.resolve()}", next="run from the repository's top folder"
        )
    try:
        # YAML 1.2, as DVC reads and writes it: `dvc exp run -S` drops the quotes of "no", which is a boolean in 1.1.
        values = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{name} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"{name} must hold keys and values, given {type(values).__name__}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError(explain(name, model, error)) from error
