"""The proof that a written folder gives the embeddings of the encoder that it was made from."""

from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from stages.encoder import Encoder
from stages.evaluation.export.layout import INSTRUCTION
from stages.shared.errors import UserError

CLOSE = 1e-6  # cosine distance of two embeddings of one text in float32
TEXTS = (
    "matrix",
    "How are missing values filled?",
    "The mean of the rows, without those that are empty: `frame.dropna().mean(axis=0)`.",
    "Ein Graph heißt zusammenhängend, wenn je zwei seiner Knoten ein Weg verbindet; 图是连通的。",
)
WORD = "word "  # what a text is made of that is longer than the model reads

Embeddings = dict[str, np.ndarray]


def embed(encoder: Encoder, max_length: int) -> Embeddings:
    """What `encoder` makes of a few texts as queries and as documents, in float32: its weights are converted."""
    encoder.to("cpu", torch.float32)
    texts = _texts(max_length)
    options = {"chunk_tokens": 2 * max_length, "max_length": max_length}
    return {
        kind: encoder.encode(texts, instructions=[instruction] * len(texts), **options)
        for kind, instruction in (("query", INSTRUCTION), ("document", ""))
    }


def check(folder: Path, expected: Embeddings, *, trust: bool) -> float:
    """The largest cosine distance between `expected` and what sentence-transformers makes of the model in `folder`.

    Raises UserError if the model cannot be loaded, or the distance is more than rounding explains.
    """
    advice = "nothing was written; please report this with your versions of sentence-transformers and transformers"
    try:
        model = SentenceTransformer(
            str(folder),
            device="cpu",
            trust_remote_code=trust,
            local_files_only=True,
            model_kwargs={"dtype": torch.float32},
        )
        texts = _texts(model.max_seq_length)
        found = {"query": model.encode_query(texts), "document": model.encode_document(texts)}
    except Exception as error:  # whatever it is, the model is of no use to anybody
        reason = (str(error).splitlines() or [""])[0]
        raise UserError(
            f"sentence-transformers cannot run the exported model: {type(error).__name__}: {reason}", next=advice
        ) from error
    distance = float(np.max([_distance(expected[kind], found[kind]) for kind in expected]))
    if not distance <= CLOSE:  # nor if it is NaN
        raise UserError(
            f"the exported model gives other embeddings than the encoder, at a cosine distance of {distance:.2g} where "
            f"rounding explains {CLOSE:g}",
            next=advice,
        )
    return distance


def _texts(max_length: int) -> list[str]:
    return [*TEXTS, WORD * max_length]


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    first, second = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (first.astype(float), second.astype(float)))
    return float(np.maximum(0.0, np.max(1 - (first * second).sum(axis=1))))  # unlike `max`, these keep a NaN
