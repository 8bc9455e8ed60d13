"""What readers see in place of the models' names in the profile."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

TRAINED = "trained"
LABELS = {"untrained": "untrained backbone", "tfidf": "TF-IDF", "hashed": "hashed words", "bm25": "BM25"}


def labels(names: Iterable[str]) -> dict[str, str]:
    """Label of each of the names in `evaluation.baselines`: a Hub model's own name, the last part of a folder's path.

    Labels that would be the same, as of two folders of one name, are told apart by the whole name.
    """
    short = {name: LABELS.get(name) or _last_part(name) for name in names}
    count = Counter([TRAINED, *short.values()])
    return {name: label if count[label] == 1 else f"{label} ({name})" for name, label in short.items()}


def _last_part(name: str) -> str:
    """The folder's own name of a path; a Hub name (`owner/model`, or one word) as it is."""
    is_path = name.startswith((".", "~", "/")) or name.rstrip("/").count("/") > 1
    return Path(name).name if is_path else name.rstrip("/")
