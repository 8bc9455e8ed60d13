"""Bytes that a run writes: checkpoints, copies for the curve of score over steps, the encoder."""

from stages.shared.settings import Settings
from stages.training.copies import copy_steps
from stages.training.plan.parameters import count_parameters
from stages.training.plan.processes import processes_of

CHECKPOINTS = 3  # two are kept, and one more is being written (stages/training/checkpoints.py)


def checkpoint_bytes(settings: Settings) -> int:
    """Of one checkpoint: trained weights and two moments in float32; sharded, the frozen base is written as well."""
    counted = count_parameters(settings)
    sharded = processes_of(settings).sharding.optimizer
    return 12 * counted.trained + (_base_bytes(settings) * counted.frozen if sharded else 0)


def copies(settings: Settings) -> tuple[int, int]:
    """How many copies for the curve there will be, and the bytes of one: the adapter, or all weights in bf16."""
    options, counted = settings.profile.training, count_parameters(settings)
    weights = 4 * counted.adapters if options.lora else 2 * counted.backbone
    return len(copy_steps(options)), weights + 4 * counted.latent


def encoder_bytes(settings: Settings) -> int:
    """Of data/encoder: all weights in their own type, adapters merged, or the adapter alone."""
    options, counted = settings.profile.training, count_parameters(settings)
    weights = 4 * counted.adapters if options.export == "adapter" else _base_bytes(settings) * counted.backbone
    return weights + 4 * counted.latent


def _base_bytes(settings: Settings) -> int:
    """Of one weight of the backbone: a frozen one is held in the run's precision, a trained one in float32."""
    return 2 if settings.profile.training.lora and settings.profile.runtime.precision == "bf16" else 4
