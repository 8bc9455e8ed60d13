"""How many texts a batch has and how long they are, by the data that are there, or else at worst."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from stages.shared.records import Document, TrainingSample, count_records, iter_records
from stages.shared.settings import Settings
from stages.shared.text import RETRIEVAL_INSTRUCTION
from stages.training.data import RETRIEVAL, SYNTHETIC

ROWS = 1_000  # that are read of each file; the stages before write theirs in mixed order
CHARACTERS_PER_TOKEN = 4
TEMPLATE = len("Instruct: \nQuery: ")  # around an instruction, see stages/encoder/tokens.py
PADDING = 1.1
"""Tokens that the model computes, per real one: texts of like length share a chunk; 1.07 to 1.2 with profile tiny."""


@dataclass(frozen=True)
class BatchTexts:
    """The texts of one batch; means over texts, lengths in tokens without padding."""

    count: float
    length: float
    squared_length: float
    source: str  # where the lengths are from, for the reader
    samples: int | None = None  # that there are to train on; None if that is not known yet
    doubt: str = ""  # about the data, for the reader

    @property
    def tokens(self) -> float:
        return self.count * self.length


def main_texts(settings: Settings) -> BatchTexts:
    """Of the main phase, on what `training_data` names."""
    chosen = settings.params.training_data
    paths = {"synthetic": [SYNTHETIC], "retrieval": [RETRIEVAL], "both": [SYNTHETIC, RETRIEVAL]}[chosen]
    return _measured(settings, paths) or _worst(settings, most_texts(settings))


def retrieval_texts(settings: Settings) -> BatchTexts:
    """Of the phase on retrieval pairs alone, query and positive."""
    return _measured(settings, [RETRIEVAL]) or _worst(settings, 2 * settings.profile.training.batch_size)


def most_texts(settings: Settings) -> int:
    """Texts of a batch, at most: queries, positives, and graded negatives if the samples have any."""
    negatives = {"all": 4}.get(settings.params.curriculum, 1) if settings.params.training_data != "retrieval" else 0
    return settings.profile.training.batch_size * (2 + negatives)


def _worst(settings: Settings, count: int) -> BatchTexts:
    longest = settings.profile.training.max_length
    return BatchTexts(
        count, longest, longest**2, "at worst: training.max_length for every text, as there are no data yet"
    )


def _measured(settings: Settings, paths: list[str]) -> BatchTexts | None:
    """From the first rows of `paths`, each weighted with all its rows; None unless all are there."""
    if not all(Path(path).exists() for path in paths):
        return None
    samples = texts = length = squared = 0.0
    for path in paths:
        record, measure = (TrainingSample, _sample) if path == SYNTHETIC else (Document, _pair)
        rows = [measure(settings, row) for row in islice(iter_records(path, record), ROWS)]
        weight = count_records(path, record) / max(1, len(rows))
        samples += weight * len(rows)
        texts += weight * sum(count for count, _, _ in rows)
        length += weight * sum(part for _, part, _ in rows)
        squared += weight * sum(part for _, _, part in rows)
    if not texts:
        return None
    return BatchTexts(
        count=settings.profile.training.batch_size * texts / samples,
        length=length / texts,
        squared_length=squared / texts,
        source=f"by the characters of the first {ROWS:,} rows of {' and '.join(paths)}",
        samples=round(samples),
        doubt=_doubt(settings, paths),
    )


def _doubt(settings: Settings, paths: list[str]) -> str:
    """A word of warning if the profile would not have made that many samples; nothing else tells whose they are."""
    asked = settings.profile.prompts.samples
    if SYNTHETIC in paths and not asked / 3 <= count_records(SYNTHETIC, TrainingSample) <= asked:
        return f"these may be another profile's: this one asks for {asked:,} samples"
    return ""


def _sample(settings: Settings, row: TrainingSample) -> tuple[float, float, float]:
    """Number of texts, sum of their lengths, sum of their squares; a negative counts as often as it is met."""
    met = most_texts(settings) / settings.profile.training.batch_size - 2 if row.negatives else 0
    share = met / max(1, len(row.negatives))  # every level is met about as often as any other
    weighted = [(_tokens(settings, row.query, row.instruction), 1.0), (_tokens(settings, row.positive), 1.0)]
    weighted += [(_tokens(settings, text), share) for text in row.negatives]
    return _sums(weighted)


def _pair(settings: Settings, row: Document) -> tuple[float, float, float]:
    query = _tokens(settings, row.summary, RETRIEVAL_INSTRUCTION)
    return _sums([(query, 1.0), (_tokens(settings, row.body), 1.0)])


def _sums(weighted: list[tuple[float, float]]) -> tuple[float, float, float]:
    return (
        sum(weight for _, weight in weighted),
        sum(weight * length for length, weight in weighted),
        sum(weight * length**2 for length, weight in weighted),
    )


def _tokens(settings: Settings, text: str, instruction: str = "") -> float:
    options = settings.profile.training
    characters = len(text)
    if options.instructions and instruction:
        characters += TEMPLATE + len(instruction)
    return min(options.max_length, max(1, characters / CHARACTERS_PER_TOKEN))
