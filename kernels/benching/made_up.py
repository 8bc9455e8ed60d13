"""Texts of made-up words, for benches that run before the pipeline has made any."""

import random
from itertools import accumulate

SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]


class Writer:
    """Writes the same texts for the same seed, common words more often than others."""

    def __init__(self, seed: str, vocabulary: int = 20_000):
        self._generator = random.Random(seed)
        choose, length = self._generator.choices, self._generator.randint
        self._words = ["".join(choose(SYLLABLES, k=length(1, 4))) for _ in range(vocabulary)]
        self._weights = list(accumulate(1 / rank for rank in range(1, vocabulary + 1)))

    def text(self, fewest: int, most: int | None = None) -> str:
        """`fewest` words, or anything up to `most`, with a capital and a full stop; "" for no word."""
        count = self._generator.randint(fewest, most or fewest)
        words = self._generator.choices(self._words, cum_weights=self._weights, k=count)
        return f"{' '.join(words).capitalize()}." if words else ""
