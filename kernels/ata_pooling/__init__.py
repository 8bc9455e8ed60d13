"""Anchor-token-aware (ATA) pooling: one text embedding from the attention of a transformer's last layer.

`ata_pool(query, key, hidden_states, attention_mask=...)` is the operator, `ata_pooling.models` takes its arguments from
transformers' decoders, and `python -m ata_pooling.show` draws what it looks at.
"""

from ata_pooling.operator import ata_pool

__all__ = ["ata_pool"]
