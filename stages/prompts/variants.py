"""What samples vary in: length of query and documents, clarity, difficulty and language."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

from stages.prompts.mixing import Value, interleave, shuffle
from stages.shared.seeds import derive_seed
from stages.shared.settings import Prompts

LANGUAGE_BLOCK = 20
"""Requests over which languages keep their shares: many enough to mix them with the cycles of kinds and sources."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One value of each axis, as in `Prompts`."""

    query_words: list[int]  # fewest, most
    document_words: list[int]
    clarity: str | None  # of the query; None for the symmetric kind
    difficulty: str
    language: str  # ISO 639-1


class Variants:
    """Draws variants. The axes are independent; on each, all values come equally often, languages by their weights."""

    def __init__(self, prompts: Prompts, seed: int):
        def evenly(values: list[Value], *names: str) -> Iterator[Value]:
            return shuffle(cycle(values), len(values), derive_seed(seed, "prompts", *names))

        lengths = {"short": prompts.short_words, "long": prompts.long_words}
        self._query_words = {length: evenly(ranges, "query", length) for length, ranges in lengths.items()}
        self._document_words = {length: evenly(ranges, "document", length) for length, ranges in lengths.items()}
        self._clarity = evenly(prompts.clarity, "clarity")
        self._difficulty = evenly(prompts.difficulty, "difficulty")
        weighted = interleave(prompts.languages)
        self._language = shuffle(weighted, LANGUAGE_BLOCK, derive_seed(seed, "prompts", "language"))

    def draw(self, kind: str) -> Variant:
        """The next variant, for a task of `kind`; the two texts of a paraphrase are of one length."""
        symmetric = kind == "symmetric"
        query, document = ("short", "short") if symmetric else kind.split("_")
        query_words = next(self._query_words[query])
        return Variant(
            query_words=query_words,
            document_words=query_words if symmetric else next(self._document_words[document]),
            clarity=None if symmetric else next(self._clarity),
            difficulty=next(self._difficulty),
            language=next(self._language),
        )
