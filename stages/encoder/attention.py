"""One attention function for every layer: SDPA, and the last layer's query and key kept for ATA pooling.

Registered with transformers, so no model file is copied and any decoder that uses its attention interface works.
"""

from dataclasses import dataclass

from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdpa_keeping_last"


@dataclass
class LastAttention:
    """Filled during a forward pass with what the last layer's attention was given."""

    query: Tensor | None = None  # (B, H, N, d)
    key: Tensor | None = None  # (B, Hkv, N, d)
    scale: float | None = None


def sdpa_keeping_last(module, query, key, value, attention_mask, *, keep: LastAttention | None = None, **kwargs):
    """transformers' SDPA attention; `keep`, passed to the model's forward, receives the last layer's query and key."""
    config = module.config
    if keep is not None and module.layer_idx == config.num_hidden_layers - 1:
        keep.query, keep.key, keep.scale = query, key, kwargs.get("scaling")
    # Without padding there is no mask, and SDPA falls back on the module's own flag, which is causal for every decoder.
    kwargs["is_causal"] = getattr(config, "is_causal", True)
    return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)


AttentionInterface.register(NAME, sdpa_keeping_last)
AttentionMaskInterface.register(NAME, sdpa_mask)
