"""Bytes that a token's forward pass leaves for its backward pass, by what transformers' layers keep.

Counted as Korthikanti et al. do (arXiv 2205.05198, section 4), for RMSNorm, rotary positions and gated MLPs, and for
attention that keeps no scores (FlashAttention, SDPA) but keys and values for every head. Names of sizes as in
parameters.py.
"""

from stages.shared.settings import Settings
from stages.training.plan.parameters import architecture_of, attention_channels, family_of
from stages.training.plan.processes import processes_of
from stages.training.plan.texts import most_texts

EMBEDDED_AT_ONCE = 3  # copies of the last states: the norm's, the model's output, the pooling's


def held_tokens(settings: Settings) -> int:
    """Tokens, padding included, whose activations a process holds at once, at most."""
    options = settings.profile.training
    mine = -(-most_texts(settings) // processes_of(settings).count) * options.max_length
    return max(min(options.graph_tokens, mine), options.max_length)


def chunk_tokens(settings: Settings) -> int:
    """Tokens of one pass through the model, at most; a longer text is a chunk of its own."""
    options = settings.profile.training
    return min(held_tokens(settings), max(options.chunk_tokens, options.max_length))


def activation_bytes(settings: Settings) -> int:
    """Of one process: what all held tokens keep, and what one chunk needs in passing while it goes back."""
    shape, options = architecture_of(settings.profile.backbone), settings.profile.training
    held, chunk, layer = held_tokens(settings), chunk_tokens(settings), layer_bytes(settings)
    wide = _bytes_of_products(settings)
    # Gradients of the MLP's three inner states and of some of D channels, while one layer goes back.
    passing = chunk * wide * (3 * shape.intermediate_size + 4 * shape.hidden_size)
    if not options.activation_checkpointing:
        return held * (shape.num_hidden_layers * layer + pooling_bytes(settings)) + passing
    kept = shape.num_hidden_layers * shape.hidden_size * _bytes_of_states(settings)  # each layer's input
    return held * (kept + pooling_bytes(settings)) + chunk * layer + passing


def layer_bytes(settings: Settings) -> int:
    """Of one token in one layer."""
    shape, lora = architecture_of(settings.profile.backbone), settings.profile.training.lora
    family, hidden, inner = family_of(shape), shape.hidden_size, shape.intermediate_size
    heads, keys = attention_channels(shape)
    wide = _bytes_of_products(settings)

    # A norm's input in float32; its output before the weight as well, if the weight is trained.
    norms = family.norms * hidden * (4 if lora else 8)
    if family.head_norms:
        norms += (heads + keys) * (4 if lora else 4 + wide)
    attention = 4 * heads * wide  # queries, keys, values, output
    mlp = 3 * inner * wide  # gate, its activation, up
    return norms + attention + mlp + _input_bytes(settings, hidden, heads, inner)


def _input_bytes(settings: Settings, hidden: int, heads: int, inner: int) -> int:
    """Inputs of the seven projections: q, k, v and gate, up share theirs unless each makes its own copy."""
    lora, wide = settings.profile.training.lora, _bytes_of_products(settings)
    if lora and lora.dropout:  # a copy and a mask of one byte for each
        return (5 * hidden + heads + inner) * (wide + 1)
    copies = 5 if wide == 2 else 2  # autocast casts for each projection anew
    own_output = heads if lora and wide == 2 else 0  # the attention's output, cast to float32 and back
    return (copies * hidden + inner + own_output) * wide


def pooling_bytes(settings: Settings) -> int:
    """Of one token, after the last layer."""
    hidden = architecture_of(settings.profile.backbone).hidden_size
    states = EMBEDDED_AT_ONCE * 4 * hidden
    if settings.params.pooling != "latent":
        return states
    return states + hidden * (48 if _bytes_of_products(settings) == 2 else 88)  # measured; the gated MLP is 64 of 88


def _bytes_of_products(settings: Settings) -> int:
    return 2 if settings.profile.runtime.precision == "bf16" else 4


def _bytes_of_states(settings: Settings) -> int:
    """Autocast adds bf16 products to float32 states, unless the frozen base is bf16 itself."""
    return _bytes_of_products(settings) if settings.profile.training.lora else 4
