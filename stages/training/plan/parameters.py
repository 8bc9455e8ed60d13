"""How many parameters a run holds and trains, counted from the shape of its backbone.

Names of sizes: D hidden size, A = heads x head size, K = key-value heads x head size, F inner size of the MLP, R
latents.
"""

from dataclasses import dataclass

from stages.shared.errors import UserError
from stages.shared.settings import Architecture, HubBackbone, ScratchBackbone, Settings


@dataclass(frozen=True)
class Family:
    """What sets a family of decoders apart, beside its sizes; all have gated MLPs and norms without biases."""

    norms: int = 2  # of D channels, in each layer
    head_norms: bool = False  # of each head's queries and keys
    biases: bool = False  # of the projections to queries, keys and values


FAMILIES = {
    "llama": Family(),
    "mistral": Family(),
    "qwen2": Family(biases=True),
    "qwen3": Family(head_norms=True),
    "gemma": Family(),
    "gemma3_text": Family(norms=4, head_norms=True),
}
"""By config.json's model_type, as transformers builds them without a language-model head."""


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters by what they are for."""

    embedding: int
    linear: int  # of all layers: what is multiplied with every token
    rest: int  # norms and biases
    adapters: int  # 0 without LoRA
    latent: int  # of pooling latent, 0 with any other

    @property
    def backbone(self) -> int:
        return self.embedding + self.linear + self.rest

    @property
    def frozen(self) -> int:
        return self.backbone if self.adapters else 0

    @property
    def trained(self) -> int:
        return self.total - self.frozen

    @property
    def total(self) -> int:
        return self.backbone + self.adapters + self.latent


def count_parameters(settings: Settings) -> Parameters:
    """The parameters of a run. Raises UserError for a family of models that is not known."""
    shape, lora, params = architecture_of(settings.profile.backbone), settings.profile.training.lora, settings.params
    family, layers, hidden = family_of(shape), shape.num_hidden_layers, shape.hidden_size
    heads, keys = attention_channels(shape)
    layer_rest = family.norms * hidden + family.head_norms * 2 * shape.head_dim + family.biases * (heads + 2 * keys)
    return Parameters(
        embedding=shape.vocab_size * hidden,
        linear=layers * sum(inputs * outputs for inputs, outputs in linear_layers(shape)),
        rest=layers * layer_rest + hidden,
        adapters=layers * lora.rank * sum(map(sum, linear_layers(shape))) if lora else 0,
        latent=latent_parameters(hidden, params.latent.size) if params.pooling == "latent" else 0,
    )


def architecture_of(backbone: ScratchBackbone | HubBackbone) -> Architecture:
    """The shape of either kind of backbone; the one from scratch is a Llama (stages/backbone/scratch.py)."""
    if backbone.kind == "hub":
        return backbone.architecture
    return Architecture(
        model_type="llama",
        vocab_size=backbone.vocabulary,
        hidden_size=backbone.hidden_size,
        intermediate_size=backbone.intermediate_size,
        num_hidden_layers=backbone.layers,
        num_attention_heads=backbone.heads,
        num_key_value_heads=backbone.heads,
        head_dim=backbone.hidden_size // backbone.heads,
    )


def family_of(shape: Architecture) -> Family:
    """Raises UserError for a family whose parameters are not known here."""
    if shape.model_type not in FAMILIES:
        raise UserError(
            f"backbone.architecture.model_type: given {shape.model_type!r}, whose parameters are not known; "
            f"known: {', '.join(FAMILIES)}",
            next="choose a model of one of these, or add its family to stages/training/plan/parameters.py",
        )
    return FAMILIES[shape.model_type]


def attention_channels(shape: Architecture) -> tuple[int, int]:
    """A and K: the channels of queries, and of keys or values."""
    return shape.num_attention_heads * shape.head_dim, shape.num_key_value_heads * shape.head_dim


def linear_layers(shape: Architecture) -> list[tuple[int, int]]:
    """Inputs and outputs of a layer's projections q, k, v, o, gate, up, down: all that LoRA adapts."""
    hidden, inner = shape.hidden_size, shape.intermediate_size
    heads, keys = attention_channels(shape)
    attention = [(hidden, heads), (hidden, keys), (hidden, keys), (heads, hidden)]
    return [*attention, (hidden, inner), (hidden, inner), (inner, hidden)]


def latent_parameters(hidden: int, size: int) -> int:
    """Of stages/encoder/latent.py: R latents, three norms, four projections of D, an MLP D -> 8 D, 4 D -> D."""
    projections = 4 * hidden**2
    mlp = hidden * 8 * hidden + 8 * hidden + 4 * hidden * hidden + hidden
    return size * hidden + 3 * 2 * hidden + projections + mlp
