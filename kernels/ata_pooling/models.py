"""ATA pooling for transformers' decoders: the last layer's query and key, with no model file copied.

Every layer keeps the attention implementation that the model was loaded with (SDPA, FlashAttention, ...). transformers
looks it up by name in its attention interface; the function found there is wrapped once, and the wrapper does what the
function did, except that a model called with `keep=` also leaves its last layer's query and key there.

    keep_last_attention(model, causal=False)
    states, last = forward(model, input_ids, attention_mask)
    embeddings = last.pool(states, attention_mask=attention_mask)  # (B, D)

Needs transformers; the operator itself does not.
"""

from dataclasses import dataclass
from functools import wraps

import torch
from torch import Tensor
from transformers import AttentionInterface, PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from ata_pooling.operator import ata_pool


class UnsupportedModel(ValueError):
    """A model whose last layer's attention cannot be had."""


@dataclass
class LastAttention:
    """What the last layer's attention was given; `query` is None until a forward pass has filled it."""

    causal: bool
    query: Tensor | None = None  # (B, H, N, d), after position embedding
    key: Tensor | None = None  # (B, Hkv, N, d)
    scale: float | None = None
    window: int | None = None
    differentiable: bool = True  # whether gradients were on when the layer ran

    def pool(self, hidden_states: Tensor, *, attention_mask: Tensor, **options) -> Tensor | tuple[Tensor, Tensor]:
        """`ata_pool` with this query and key; `options` are its others.

        Raises:
            ValueError: as `ata_pool` does, and if gradients of query and key are wanted that reentrant activation
                checkpointing, which runs layers with gradients off, has silently cut.
        """
        if hidden_states.requires_grad and not self.differentiable and not options.get("detach"):
            raise ValueError(
                "use_reentrant: given True; allowed: False. Reentrant activation checkpointing cuts the gradients of "
                "query and key; enable it with {'use_reentrant': False}, or pool with detach=True"
            )
        shape = {"causal": self.causal, "window": self.window, "scale": self.scale}
        return ata_pool(self.query, self.key, hidden_states, attention_mask=attention_mask, **shape, **options)


def keep_last_attention(model: PreTrainedModel, *, causal: bool) -> None:
    """Prepare `model` for `forward`, with causal or bidirectional attention in all its layers.

    Raises:
        UnsupportedModel: if the model caps its attention logits (Gemma 2), which ATA pooling does not know, or has no
            attention that transformers' interface could choose (Bloom, Mamba).
    """
    config = model.config.get_text_config()
    if getattr(config, "attn_logit_softcapping", None):
        raise UnsupportedModel(
            f"{type(model).__name__} caps its attention logits at {config.attn_logit_softcapping}, which neither SDPA "
            "nor ATA pooling knows"
        )
    config.is_causal = causal
    config.use_cache = False
    if config._attn_implementation == "eager":  # lives in each model's file, out of the interface's reach
        try:
            model.set_attn_implementation("sdpa")
        except ValueError as error:
            raise UnsupportedModel(f"{type(model).__name__}: {str(error).splitlines()[0]}") from error
    name = config._attn_implementation
    if name not in ALL_ATTENTION_FUNCTIONS:
        raise UnsupportedModel(f"{type(model).__name__} does not use transformers' attention interface")
    function = ALL_ATTENTION_FUNCTIONS[name]
    if not hasattr(function, "keeps_last_attention"):
        AttentionInterface.register(name, _keeping_last(function))


def forward(model: PreTrainedModel, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, LastAttention]:
    """Hidden states (B, N, D) of tokens (B, N), and the last layer's attention.

    Raises:
        UnsupportedModel: if the model does not call its last layer's attention through transformers' interface.
    """
    # Positions count real tokens, so that left padding does not move a text.
    positions = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)
    last = LastAttention(causal=model.config.get_text_config().is_causal)
    states = model(
        input_ids=input_ids, attention_mask=attention_mask, position_ids=positions, keep=last
    ).last_hidden_state
    if last.query is None:
        raise UnsupportedModel(
            f"{type(model).__name__} does not hand its last layer's query and key to transformers' attention interface"
        )
    return states, last


def _keeping_last(function):
    """`function` of transformers' attention interface, filling the `keep` that the model was called with."""

    @wraps(function)
    def attention(module, query, key, value, attention_mask, *, keep: LastAttention | None = None, **kwargs):
        if keep is not None:
            if module.layer_idx == module.config.num_hidden_layers - 1:
                keep.query, keep.key, keep.scale = query, key, kwargs.get("scaling")
                keep.differentiable = torch.is_grad_enabled()
                window = kwargs.get("sliding_window")
                # transformers counts a token itself in a causal window, but not in a bidirectional one.
                keep.window = window if window is None or keep.causal else window + 1
            # Without padding there is no mask, and SDPA falls back on the module's own flag, causal in every decoder.
            kwargs["is_causal"] = keep.causal
        return function(module, query, key, value, attention_mask, **kwargs)

    attention.keeps_last_attention = True
    return attention
