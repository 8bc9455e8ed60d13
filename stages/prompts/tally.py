"""Counts requests on their way to the file, so that they are never all in memory."""

from collections import Counter
from collections.abc import Iterable, Iterator

from stages.shared.records import ChatRequest


class Tally:
    """The stage's metrics. Its size grows with the number of different seed texts alone."""

    def __init__(self):
        self._requests = self._words = 0
        self._seed_ids: set[str] = set()
        self._kinds, self._sources, self._languages = Counter(), Counter(), Counter()

    def count(self, requests: Iterable[ChatRequest]) -> Iterator[ChatRequest]:
        """The same requests, each counted as it passes."""
        for request in requests:
            self._requests += 1
            self._words += len(request.prompt.split())
            self._kinds[request.kind] += 1
            self._sources[request.source] += 1
            self._languages[request.language] += 1
            if request.seed_id:
                self._seed_ids.add(request.seed_id)
            yield request

    def metrics(self) -> dict:
        """What was counted. There must have been a request."""
        return {
            "requests": self._requests,
            "seed_texts": len(self._seed_ids),
            "mean_words": self._words / self._requests,
            "per_kind": dict(sorted(self._kinds.items())),
            "per_source": dict(sorted(self._sources.items())),
            "per_language": dict(sorted(self._languages.items())),
        }
