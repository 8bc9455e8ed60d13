"""Anchor-token-aware (ATA) pooling: one text embedding from the attention of a transformer's last layer.

`ata_pool(query, key, hidden_states, attention_mask=...)` is the whole interface.
"""

from ata_pooling.reference import ata_pool

__all__ = ["ata_pool"]
