"""An option that writes the snapshots anew, and settings for prompts."""

import pytest

from stages.shared.records import KINDS, Task
from stages.shared.settings import Prompts


def pytest_addoption(parser):
    parser.addoption("--update-snapshots", action="store_true", help="write the prompts' snapshots anew")


@pytest.fixture
def updating(request):
    # The default is for runs of the whole suite, which read this file after the command line.
    return request.config.getoption("--update-snapshots", default=False)


@pytest.fixture
def tasks():
    return [Task(f"{kind}{number}", kind, f"Task {number} of {kind}.") for kind in KINDS for number in range(3)]


@pytest.fixture
def prompts():
    """Makes settings: so many samples with shares of sources, and other values of any axis."""

    def make(samples, *, task=0.0, grounded=0.0, retrieval=0.0, **axes):
        values = {
            "samples": samples,
            "sources": {"task": task, "grounded": grounded, "retrieval": retrieval},
            "short_words": [[2, 6], [5, 12], [10, 25]],
            "long_words": [[40, 80], [80, 150], [150, 250], [250, 400]],
            "clarity": ["clear", "some_effort", "ambiguous"],
            "difficulty": ["school", "college", "expert"],
            "languages": {"en": 1.0},
        }
        return Prompts.model_validate(values | axes)

    return make
