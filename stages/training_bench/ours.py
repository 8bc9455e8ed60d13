"""This project's trainer and encoder: `python -m stages.training_bench.ours`.

The same path as the stage `training`, with profile tiny's settings: order of the samples, tokens, chunks, loss, steps.
"""

import json
import time
from pathlib import Path

from benching.processes import tell

from stages.shared import runtime
from stages.shared.records import TrainingSample, read_records
from stages.shared.settings import Settings
from stages.training_bench.work import ENCODE_MAX_LENGTH, Work, read_settings


class InOrder:
    """In place of the shuffled order of training: the samples as they come, so that both sides meet them alike."""

    def __init__(self, batch_size: int):
        self._batch_size = batch_size

    def batch(self, number: int) -> range:
        return range(number * self._batch_size, (number + 1) * self._batch_size)


def load(work: Work, settings: Settings, dtype=None):
    """The encoder on the backbone's weights, in float32 unless `dtype` says otherwise."""
    import torch

    from stages.encoder import Encoder, EncoderConfig

    config = EncoderConfig.from_params(settings.params, settings.profile.training)
    return Encoder.from_backbone(work.backbone, config, dtype=dtype or torch.float32)


def train(work: Work, settings: Settings) -> dict:
    """Steps per second, memory in MiB, the loss of each step and the share of padding in all."""
    from stages.training.curriculum import ALL
    from stages.training.schedule import Phase, Schedule
    from stages.training.trainer import Trainer
    from stages.training_bench.measuring import Meter

    samples = read_records(work.samples, TrainingSample)
    schedule = Schedule([Phase(samples, InOrder(work.batch_size), [ALL] * work.steps)], 1)
    trainer, rows = Trainer(load(work, settings), schedule, settings), []
    meter = Meter()
    for row in trainer.steps():
        meter.step()
        rows.append(row)
    padding = 1 - sum(row["tokens"] for row in rows) / sum(row["tokens"] / (1 - row["padding"]) for row in rows)
    return meter.said(work.untimed) | {"losses": [row["loss"] for row in rows], "padding": padding}


def encode(work: Work, settings: Settings) -> dict:
    """Texts per second of `Encoder.encode`."""
    import numpy as np
    import torch

    texts = json.loads(Path(work.texts).read_text(encoding="utf-8"))
    encoder = load(work, settings, torch.bfloat16 if work.precision == "bf16" else torch.float32)
    options = {"chunk_tokens": settings.profile.evaluation.chunk_tokens, "max_length": ENCODE_MAX_LENGTH}
    encoder.encode(texts[:64], **options)
    start = time.perf_counter()
    embeddings = encoder.encode(texts, **options)
    seconds = time.perf_counter() - start
    np.save(work.embeddings, embeddings)
    return {"texts_per_second": len(texts) / seconds}


def run(task: str, work: dict) -> dict:
    """`task` is train or encode, `work` the fields of a Work."""
    given = Work(**work)
    settings = read_settings(given)
    runtime.pin(settings.profile.runtime)
    runtime.pin_torch(settings.profile.runtime, 0)
    return {"train": train, "encode": encode}[task](given, settings)


if __name__ == "__main__":
    tell(run)
