"""Supervised InfoNCE with in-batch and graded negatives. Shapes: B queries, M graded negatives, D dimensions."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Contrast:
    """What `info_nce` gives."""

    losses: Tensor  # (B,), with gradients; their mean is the loss
    accuracy: Tensor  # (), share of queries whose positive scores highest
    masked: Tensor  # (), share of the other documents that were left out as false negatives


def info_nce(
    query: Tensor,
    positive: Tensor,
    negative: Tensor,
    temperature: float | Tensor,
    *,
    owner: Tensor | None = None,
    same: Tensor | None = None,
    margin: float | None = None,
    symmetric: bool = False,
) -> Contrast:
    """Cross-entropy of each query's own positive among all positives and all graded negatives of the batch.

    Args:
        query, positive: embeddings (B, D), row i of one belongs to row i of the other; need not be normalised.
        negative: embeddings (M, D) of graded negatives, seen by every query; M may be 0.
        temperature: divides the cosine similarities.
        owner: (M,), the query that each graded negative was written for.
        same: (B, B + M), True where a document is left out of a query's negatives.
        margin: leave out as well what is nearer to a query than its positive by more than this (as Qwen3-Embedding
            does, arXiv 2506.05176, with 0.1); a query's own graded negatives always stay, they are meant to be near.
        symmetric: the mean of this and of the loss from each positive to all queries.
    """
    rows = torch.arange(len(query), device=query.device)
    documents = functional.normalize(torch.cat([positive, negative]), dim=-1)  # (B + M, D)
    cosine = functional.normalize(query, dim=-1) @ documents.T  # (B, B + M)
    left_out = torch.zeros_like(cosine, dtype=torch.bool) if same is None else same
    if margin is not None:
        near = cosine.detach() > cosine.detach().diagonal()[:, None] + margin
        if owner is not None:
            near[owner, len(query) + torch.arange(len(owner), device=query.device)] = False
        left_out = left_out | near
    logits = (cosine / temperature).masked_fill(left_out, float("-inf"))
    losses = functional.cross_entropy(logits, rows, reduction="none")
    if symmetric:
        backward = functional.cross_entropy(logits[:, : len(query)].T, rows, reduction="none")
        losses = (losses + backward) / 2
    accuracy = (logits.argmax(dim=1) == rows).float().mean()
    others = max(1, logits.numel() - len(query))
    return Contrast(losses, accuracy, left_out.sum() / others)
