"""Baselines from packages: TF-IDF, a hashed bag of words, BM25, and any model that sentence-transformers loads."""

import hashlib
import os
from pathlib import Path

import mteb
from mteb.models import MTEBModels
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from sentence_transformers import SentenceTransformer

from stages.evaluation.models.hashed import HashedEmbedder
from stages.evaluation.models.meta import model_meta
from stages.evaluation.models.text_model import TextModel
from stages.evaluation.models.tfidf import TfidfEmbedder
from stages.shared.errors import UserError
from stages.shared.records import Document, read_records
from stages.shared.settings import Settings

TRAIN = "data/corpus/train.parquet"
BM25 = "mteb/baseline-bm25s"


def load_baseline(name: str, settings: Settings) -> MTEBModels:
    """The baseline `name` of `evaluation.baselines` as an mteb model. Raises UserError if it cannot be loaded."""
    if name == "tfidf":
        return _bag_of_words(
            name, TfidfEmbedder([f"{row.summary} {row.body}" for row in read_records(TRAIN, Document)])
        )
    if name == "hashed":
        return _bag_of_words(name, HashedEmbedder())
    if name == "bm25":
        os.environ.setdefault("DISABLE_TQDM", "1")  # read when bm25s is imported, at the first index: six bars a task
        return mteb.get_model(BM25)
    return _sentence_transformer(name, settings.profile.runtime.device)


def _bag_of_words(name: str, embedder: TfidfEmbedder | HashedEmbedder) -> TextModel:
    """What counting shared words achieves; TF-IDF is fitted on the training documents."""
    meta = model_meta(name, revision=embedder.revision, embed_dim=embedder.dimensions, framework=[])
    return TextModel(embedder, meta, learned=False)


def _sentence_transformer(name: str, device: str) -> MTEBModels:
    """As mteb runs it: with the prompts that mteb knows for a public model, with its own ones for a folder."""
    try:
        if not Path(name).is_dir():
            return mteb.get_model(name, device=device)
        model = SentenceTransformerEncoderWrapper(SentenceTransformer(name, device=device))
    except Exception as error:  # each of the loaders behind mteb raises its own kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"evaluation.baselines: {name} cannot be loaded: {reason}",
            next="choose untrained, tfidf, hashed, bm25, a folder that SentenceTransformer(...) loads, or a Hub model "
            "(needs the network and runtime.offline: false, or the model in the Hub's cache)",
        ) from error
    model.mteb_model_meta = model.mteb_model_meta.model_copy(update={"name": _named(name), "revision": _hash(name)})
    return model


def _named(folder: str) -> str:
    return f"local/{Path(folder).resolve().name}"


def _hash(folder: str) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]
