"""The trained encoder on disk, and the proof that what is read back is what was trained."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from stages.encoder import Encoder
from stages.shared.errors import UserError
from stages.training.checkpoints import SHARDED
from stages.training.trainer import Trainer

BACKBONE = "data/backbone"
TEXTS = 8  # that are embedded before and after
CLOSEST = {torch.float32: 1e-5, torch.bfloat16: 1e-2}  # cosine distance allowed, by the type of the arithmetic


def whole(trainer: Trainer, build: Callable[[], Encoder]) -> Encoder | None:
    """The encoder with all its weights in one place, on the main process, None on others; all processes call it.

    Where the weights are sharded they are gathered into a new encoder from `build`.
    """
    accelerator = trainer.accelerator
    if accelerator.distributed_type not in SHARDED:
        return accelerator.unwrap_model(trainer.model) if accelerator.is_main_process else None
    state = accelerator.get_state_dict(trainer.model)
    if not accelerator.is_main_process:
        return None
    encoder = build()
    encoder.load_state_dict(state)
    return encoder


def save_copy(trainer: Trainer, build: Callable[[], Encoder], folder: Path) -> None:
    """A small copy of the encoder as it is now, for the curve of score over steps; all processes call it."""
    encoder = whole(trainer, build)
    if encoder is not None:
        encoder.save_copy(folder, BACKBONE)
    trainer.accelerator.wait_for_everyone()


def save_checked(
    encoder: Encoder, folder: str | Path, texts: list[str], *, export: str, max_length: int, precision: str = "no"
) -> float:
    """Save the encoder, adapters merged or alone, load it again and embed some of `texts` with both.

    Returns the largest cosine distance between the two. Raises UserError if that is more than rounding.
    """
    options = {"chunk_tokens": max_length * TEXTS, "max_length": max_length, "precision": precision}
    before = encoder.encode(texts[:TEXTS], **options)
    if export == "adapter":
        encoder.save_copy(folder, BACKBONE)
    else:
        encoder.save(folder)
    loaded = Encoder.load(folder, backbone=BACKBONE, device=str(encoder.device))
    after = loaded.encode(texts[:TEXTS], **options)
    distance = float(np.max(1 - (before * after).sum(axis=1)))
    exact = loaded.model.dtype == torch.float32 and precision == "no"
    allowed = CLOSEST[torch.float32 if exact else torch.bfloat16]
    if not distance <= allowed:
        raise UserError(
            f"{folder}: the saved encoder gives other embeddings than the trained one, at a cosine distance of "
            f"{distance:.2g} where rounding explains {allowed:g}",
            next="the checkpoints are kept; please report this with your versions of peft and transformers",
        )
    return max(0.0, distance)
