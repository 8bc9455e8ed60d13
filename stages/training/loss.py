"""Supervised InfoNCE with in-batch and graded negatives. Shapes: B queries, M negatives, D dimensions."""

import torch
from torch import Tensor
from torch.nn import functional


def info_nce(query: Tensor, positive: Tensor, negative: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of each query's own positive among all positives and all negatives of the batch.

    Args:
        query, positive: embeddings (B, D), row i of one belongs to row i of the other; need not be normalised.
        negative: embeddings (M, D) of graded negatives, seen by every query; M may be 0.
        temperature: divides the cosine similarities.

    Returns:
        The loss, and the share of queries whose positive scores highest (in-batch accuracy), both scalars.
    """
    candidates = functional.normalize(torch.cat([positive, negative]), dim=-1)  # (B + M, D)
    logits = functional.normalize(query, dim=-1) @ candidates.T / temperature  # (B, B + M)
    target = torch.arange(len(query), device=query.device)
    accuracy = (logits.argmax(dim=1) == target).float().mean()
    return functional.cross_entropy(logits, target), accuracy
