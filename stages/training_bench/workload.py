"""What both sides train on and encode: the pipeline's own data where there is any, else texts and weights like them."""

import json
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from stages.shared.files import content_id, read_json, write_json
from stages.shared.records import Document, TrainingSample, read_records, write_records
from stages.training_bench.work import NEGATIVES, ROOT, Work, read_settings

SAMPLES, CORPUS, BACKBONE = "data/buckets/samples.parquet", "data/corpus/train.parquet", "data/backbone"
QUERY_WORDS, DOCUMENT_WORDS = (5, 18), (20, 90)  # of generated texts, about as the pipeline's are
VOCABULARY_TEXTS = 2_000  # that the tokenizer of a backbone made here is trained on


def write_samples(path: Path, count: int, root: Path = ROOT) -> str:
    """`count` samples with no text twice, so that no negative is left out as false; where they are from.

    sentence-transformers leaves none out, ours does.
    """
    source = root / SAMPLES
    candidates = read_records(source, TrainingSample) if source.exists() else _generated()
    write_records(path, TrainingSample, islice(_distinct(candidates), count))
    found = len(read_records(path, TrainingSample))
    if found < count:
        write_records(path, TrainingSample, islice(_distinct(_generated()), count))
    return "the pipeline's samples" if source.exists() and found == count else "generated samples"


def write_texts(path: Path, count: int, root: Path = ROOT) -> str:
    """`count` texts to encode, short and long ones in turn; where they are from."""
    source = root / CORPUS
    if source.exists():
        documents = read_records(source, Document)
        texts = [text for document in documents for text in (document.summary, document.body)][:count]
    if not source.exists() or len(texts) < count:
        path.write_text(json.dumps(list(islice(_texts(), count))), encoding="utf-8")
        return "generated texts"
    path.write_text(json.dumps(texts), encoding="utf-8")
    return "texts of the corpus"


def backbone(folder: Path, root: Path = ROOT) -> str:
    """The folder of the pipeline's backbone if it is of profile tiny's size, else of one with random weights."""
    found, settings = root / BACKBONE, read_settings(Work("", "fp32")).profile.backbone
    wanted = (settings.vocabulary, settings.hidden_size, settings.layers)
    if (found / "backbone.json").exists() and read_json(found / "backbone.json")["kind"] == "scratch":
        config = read_json(found / "model/config.json")
        if (config["vocab_size"], config["hidden_size"], config["num_hidden_layers"]) == wanted:
            return str(found)
    from stages.backbone.scratch import build_model
    from stages.backbone.tokenizer import train_tokenizer

    tokenizer = train_tokenizer(list(islice(_texts(), VOCABULARY_TEXTS)), settings.vocabulary, settings.max_length)
    build_model(settings, tokenizer, 0).model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    write_json(folder / "backbone.json", {"kind": "scratch"})
    return str(folder)


def _distinct(candidates: Iterator[TrainingSample] | list[TrainingSample]) -> Iterator[TrainingSample]:
    """Those with `NEGATIVES` negatives and no text that an earlier one has."""
    seen: set[str] = set()
    for sample in candidates:
        texts = {sample.query, sample.positive, *sample.negatives}
        if len(sample.negatives) == NEGATIVES and len(texts) == NEGATIVES + 2 and not texts & seen:
            seen |= texts
            yield sample


def _generated() -> Iterator[TrainingSample]:
    texts = _texts()
    while True:
        short, long = zip(*((next(texts), next(texts)) for _ in range(NEGATIVES + 1)), strict=True)
        yield TrainingSample(content_id(short[0]), "short_long", "", short[0], long[0], list(long[1:]))


def _texts() -> Iterator[str]:
    """Texts of made-up words, common ones more often; a short one, a long one, and so on."""
    generator = random.Random("texts")
    syllables = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]
    words = ["".join(generator.choices(syllables, k=generator.randint(1, 4))) for _ in range(20_000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    while True:
        for fewest, most in (QUERY_WORDS, DOCUMENT_WORDS):
            yield " ".join(generator.choices(words, weights, k=generator.randint(fewest, most))).capitalize() + "."
