"""Training samples made from the documents."""

import pytest

from stages.shared.records import TrainingSample


@pytest.fixture(scope="session")
def samples(documents):
    """One sample for each document; its negatives start with the name of their level."""
    return [
        TrainingSample(
            id=f"s{index}",
            kind="short_long",
            instruction="Given a summary, retrieve the passage",
            query=row.summary,
            positive=row.body,
            negatives=[f"N{level} {documents[index - level].body}" for level in (1, 2, 3, 4)],
        )
        for index, row in enumerate(documents)
    ]
