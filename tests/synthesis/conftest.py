"""A request, the texts of a good answer to it, and samples."""

import pytest

from stages.shared.records import LEVELS, ChatRequest, Sample

WRITTEN = {
    "query": "how to take the mean of an array along one axis",
    "positive_example": " Computes the arithmetic mean of the elements of an array along the given axis.\n",
    "hard_negative_examples": [
        {"similarity_level": level, "text": text}
        for level, text in zip(
            LEVELS,
            (
                "Computes the median of the elements of an array along the given axis.",
                "Returns the arithmetic mean of a group of rows in a table.",
                "Counts how many elements of an array are not zero.",
                "Opens a file and reads its lines one after the other.",
            ),
            strict=True,
        )
    ],
}


@pytest.fixture
def written():
    """The object that a good answer holds, with changes: `written(query="")`."""
    return lambda **changes: WRITTEN | changes


@pytest.fixture
def chat_request():
    """A request for short texts in English, with changes."""

    def make(**changes):
        fields = {
            **{"id": "r1", "source": "grounded", "task_id": "t1", "seed_id": "s1", "kind": "short_short"},
            **{"language": "en", "query_words": [3, 12], "document_words": [5, 30], "prompt": "Write."},
            "instruction": "Given a question, retrieve the function that answers it.",
        }
        return ChatRequest(**fields | changes)

    return make


@pytest.fixture
def sample():
    """A sample with changes: `sample(id="2")`."""

    def make(**changes):
        fields = {
            **{"id": "1", "request_id": "r1", "source": "grounded", "task_id": "t1", "seed_id": "s1"},
            **{"kind": "short_short", "language": "en", "attempt": 0, "repairs": [], "instruction": "Retrieve it."},
            **{"query": "a query", "positive": "the positive", "negatives": ["one", "two", "three", "four"]},
        }
        return Sample(**fields | changes)

    return make
