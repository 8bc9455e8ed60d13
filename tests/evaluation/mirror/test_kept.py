"""A finished task of a stopped run counts for the files that it was done with, and for no others."""

import zlib

import numpy as np
import pytest

from stages.evaluation.mirror.adopt import adopt
from stages.evaluation.mirror.needs import needed
from stages.evaluation.mirror.use import Mirror
from tests.evaluation.mirror import small


@pytest.fixture
def embed():
    """Vectors that follow from the texts; `embed.texts` are those that were asked for."""

    def embed(texts):
        embed.texts += texts
        return np.stack(
            [np.random.default_rng(zlib.crc32(text.encode())).standard_normal(8).astype(np.float32) for text in texts]
        )

    embed.texts = []
    return embed


@pytest.mark.usefixtures("no_network")
def test_task_is_done_again_when_the_mirror_was_locked_with_other_files(locked, run, model_of, embed):
    folder = locked("STS12")
    assert run(model_of(embed), ["STS12"], mirror=Mirror.open(folder)).failures == {}
    once = len(embed.texts)
    assert run(model_of(embed), ["STS12"], mirror=Mirror.open(folder)).failures == {}
    assert len(embed.texts) == once
    small.write(folder / small.task("STS12").metadata.dataset["path"], small.sts(shift=1))
    adopt(folder, needed([small.task("STS12")]))
    assert run(model_of(embed), ["STS12"], mirror=Mirror.open(folder)).failures == {}
    assert len(embed.texts) > once
