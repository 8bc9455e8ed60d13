"""Training samples made from the documents, and short runs on the tiny backbone."""

from functools import partial
from types import SimpleNamespace

import pytest

from stages.shared.records import TrainingSample

STEPS = 16


@pytest.fixture(scope="session")
def samples(documents):
    """One sample for each document, of two kinds in turn; its negatives start with the name of their level."""
    return [
        TrainingSample(
            id=f"s{index}",
            kind=("short_long", "symmetric")[index % 2],
            instruction="Given a summary, retrieve the passage",
            query=row.summary,
            positive=row.body,
            negatives=[f"N{level} {documents[index - level].body}" for level in (1, 2, 3, 4)],
        )
        for index, row in enumerate(documents)
    ]


@pytest.fixture
def configured(settings):
    """`configured(params, **training)`: settings of a run of 16 steps with 6 samples each, in fp32."""
    from stages.shared.settings import Settings

    def make(params=(), **training):
        values = {"steps": STEPS, "batch_size": 6, "learning_rate": 5e-3, "warmup_steps": 2, "max_length": 48}
        small = {"chunk_tokens": 128, "graph_tokens": 256, "checkpoint_every": None}
        options = settings.profile.training.model_copy(update={**values, **small, **training})
        profile = settings.profile.model_copy(update={"training": options})
        return Settings(settings.params.model_copy(update=dict(params)), profile)

    return make


@pytest.fixture
def placed(repository, backbone):
    """A repository in which the stage `backbone` has run."""
    (repository / "data").mkdir()
    (repository / "data/backbone").symlink_to(backbone)
    return repository


@pytest.fixture
def started(placed, samples):  # noqa: ARG001 (the working directory)
    """`started(settings, samples)`: a trainer before its first step, as the stage makes it, and what it was made of."""
    from stages.training.build import build_encoder, describe_run
    from stages.training.schedule import Schedule
    from stages.training.trainer import Trainer

    def start(settings, own=None):
        schedule = Schedule.from_settings(settings, samples if own is None else own)
        build = partial(build_encoder, settings)
        encoder = build()
        trainer = Trainer(encoder, schedule, settings)
        return SimpleNamespace(
            trainer=trainer, encoder=encoder, build=build, run=describe_run(settings, schedule), settings=settings
        )

    return start


@pytest.fixture
def trained(started):
    """`trained(settings, samples)`: the metrics and the encoder of a whole run."""
    from stages.training.loop import train

    def run(settings, own=None):
        begun = started(settings, own)
        metrics, checkpoints = train(begun.trainer, settings, begun.run, begun.build)
        checkpoints.clear()
        return metrics, begun.encoder

    return run
