import numpy as np
import pytest

from stages.shared.records import Sample


def make_sample(number: int, **changes) -> Sample:
    values = {
        "id": f"s{number}",
        "request_id": f"r{number}",
        "source": "grounded",
        "language": "en",
        "attempt": 0,
        "repairs": [],
        "task_id": "t",
        "seed_id": "d",
        "kind": "short_long",
        "instruction": "Given a, retrieve b.",
        "query": f"query {number}",
        "positive": f"positive {number}",
        "negatives": [f"n{level} {number}" for level in range(1, 5)],
    }
    return Sample(**values | changes)


@pytest.fixture
def samples():
    return [make_sample(number) for number in range(4)]


@pytest.fixture
def similarities():
    """Four samples in perfect order and far from all bounds, with orthogonal queries."""
    from stages.buckets.similarity import Similarities

    rows = np.tile([0.4, 0.3, 0.2, 0.1], (4, 1))
    return Similarities(to_query=rows / 2, to_positive=rows.copy(), queries=np.eye(4))
