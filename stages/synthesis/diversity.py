"""How varied the accepted samples are, gathered one sample at a time in memory that does not grow with their number."""

import math
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from stages.shared.records import KINDS, Sample
from stages.synthesis.words import units, word_count

WINDOW = 1000  # samples
QUANTILES = (10, 50, 90)  # per cent


class Diversity:
    """`add` every sample, in order, then take `metrics`."""

    def __init__(self):
        self._distinct = {
            f"distinct_{size}_{field}": DistinctNgrams() for field in ("query", "positive") for size in (1, 2)
        }
        self._tasks: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._words: dict[str, Counter[int]] = {"query": Counter(), "positive": Counter(), "negatives": Counter()}

    def add(self, sample: Sample) -> None:
        for field, text in (("query", sample.query), ("positive", sample.positive)):
            found = units(text, sample.language)
            self._distinct[f"distinct_1_{field}"].add(found)
            self._distinct[f"distinct_2_{field}"].add(list(pairwise(found)))
            self._words[field][word_count(text, sample.language)] += 1
        self._words["negatives"].update(word_count(text, sample.language) for text in sample.negatives)
        self._kinds[sample.kind] += 1
        if sample.task_id:  # a retrieval pair has none
            self._tasks[sample.task_id] += 1

    def metrics(self) -> dict:
        """Shares and spreads in 0..1, and word counts.

        distinct_n_*: unique word n-grams / all n-grams (Li et al. 2016). It falls with the number of texts, so it is
        taken within windows of WINDOW samples and averaged; figures compare from one full window upwards.
        tasks: how many there are. task_spread, kind_spread: entropy / its maximum, over these tasks and over KINDS.
        words: the 10, 50 and 90 per cent quantiles, of each field.
        """
        return {
            **{name: counter.share() for name, counter in self._distinct.items()},
            "tasks": len(self._tasks),
            "task_spread": spread(self._tasks.values(), len(self._tasks)),
            "kind_spread": spread(self._kinds.values(), len(KINDS)),
            "words": {field: _quantiles(counts) for field, counts in self._words.items()},
        }


class DistinctNgrams:
    """Unique n-grams / all n-grams, the mean over consecutive windows of WINDOW texts."""

    def __init__(self):
        self._texts = self._all = 0
        self._unique: set = set()
        self._full_windows, self._sum = 0, 0.0

    def add(self, ngrams: list) -> None:
        self._unique.update(ngrams)
        self._all += len(ngrams)
        self._texts += 1
        if self._texts == WINDOW:
            self._sum += self._share_so_far()
            self._full_windows += 1
            self._unique.clear()
            self._texts = self._all = 0

    def share(self) -> float:
        """Without the last window where it is not full, unless there is no other; 0 without any n-gram."""
        return self._sum / self._full_windows if self._full_windows else self._share_so_far()

    def _share_so_far(self) -> float:
        return len(self._unique) / self._all if self._all else 0.0


def spread(counts: Iterable[int], classes: int) -> float:
    """Entropy of `counts` / log(`classes`): 1 where all classes are as frequent, 0 where there is only one."""
    counts = [count for count in counts if count]
    total = sum(counts)
    if len(counts) < 2:
        return 0.0
    return -math.fsum(count / total * math.log(count / total) for count in counts) / math.log(classes)


def _quantiles(counts: Counter[int]) -> dict[str, int]:
    """The smallest values that at least so many per cent of all do not exceed."""
    total, below = counts.total(), 0
    found: dict[str, int] = {}
    for value in sorted(counts):
        below += counts[value]
        for quantile in QUANTILES:
            if 100 * below >= quantile * total:
                found.setdefault(f"p{quantile}", value)
    return found
