"""The training loop: accelerate moves and scales, DVCLive keeps the curves."""

import torch
from accelerate import Accelerator
from dvclive import Live
from tqdm import tqdm
from transformers import get_cosine_schedule_with_warmup

from stages.encoder import Encoder
from stages.shared.errors import UserError
from stages.shared.records import BUCKETS, TrainingSample
from stages.shared.settings import Settings
from stages.training.batches import batch_indices
from stages.training.curriculum import level_schedule
from stages.training.loss import info_nce

CURVES = "reports/training"
LAST = 20  # steps over which the final metrics are averaged


def train(encoder: Encoder, samples: list[TrainingSample], settings: Settings) -> dict:
    """Train `encoder` in place and return the final metrics. Raises UserError when the loss is not finite."""
    options, params = settings.profile.training, settings.params
    accelerator = Accelerator(
        cpu=settings.profile.runtime.device == "cpu",
        mixed_precision=settings.profile.runtime.precision,
        gradient_accumulation_steps=options.gradient_accumulation,
    )
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    scheduler = get_cosine_schedule_with_warmup(optimizer, options.warmup_steps, options.steps)
    encoder, optimizer = accelerator.prepare(encoder, optimizer)
    levels = level_schedule(params.curriculum, options.steps, params.seed)
    batches = batch_indices(
        len(samples), options.batch_size, options.steps * options.gradient_accumulation, params.seed
    )
    history, tokens = [], 0
    encoder.train()
    with (
        Live(CURVES, save_dvc_exp=False, dvcyaml=None, report=None) as live,
        tqdm(levels, desc="training", unit="step", disable=None) as progress,
    ):
        for step, level in enumerate(progress):
            sums = {"loss": 0.0, "in_batch_accuracy": 0.0}
            for _ in range(options.gradient_accumulation):
                batch = [samples[index] for index in next(batches)]
                with accelerator.accumulate(encoder):
                    loss, accuracy, count = _forward(encoder, batch, level, options)
                    if not torch.isfinite(loss):
                        ids = ", ".join(row.id for row in batch[:4])
                        raise UserError(
                            f"the loss is {loss.item()} at step {step}; samples {ids}, ...",
                            next="lower training.learning_rate or raise training.temperature in the profile",
                        )
                    accelerator.backward(loss)
                    norm = accelerator.clip_grad_norm_(encoder.parameters(), options.max_gradient_norm)
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)
                sums["loss"] += loss.item() / options.gradient_accumulation
                sums["in_batch_accuracy"] += accuracy.item() / options.gradient_accumulation
                tokens += count
            rate = scheduler.get_last_lr()[0]
            curves = {**sums, "gradient_norm": float(norm), "learning_rate": rate, "level": level + 1}
            for name, value in curves.items():
                live.log_metric(name, value)
            live.next_step()
            scheduler.step()
            history.append(sums)
            progress.set_postfix(loss=f"{sums['loss']:.3f}", level=BUCKETS[level])
    last = history[-LAST:]
    means = {name: sum(row[name] for row in last) / len(last) for name in last[0]}
    return {**means, "steps": options.steps, "samples": len(samples), "tokens": tokens}


def _forward(encoder, batch, level, options):
    """Loss, accuracy and number of tokens of one batch; samples without graded negatives bring in-batch ones only."""
    query = [sample.query for sample in batch]
    positive = [sample.positive for sample in batch]
    negative = [sample.negatives[level] for sample in batch if sample.negatives]
    embeddings, count = encoder.embed([*query, *positive, *negative], options.max_length)
    loss, accuracy = info_nce(*embeddings.split([len(query), len(positive), len(negative)]), options.temperature)
    return loss, accuracy, count
