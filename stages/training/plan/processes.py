"""How many processes train, on how many devices, and what they split among them."""

from dataclasses import dataclass

from stages.shared.errors import UserError
from stages.shared.settings import Settings


@dataclass(frozen=True)
class Sharding:
    """What each process holds only its share of; the stages of ZeRO (Rajbhandari et al., arXiv 1910.02054)."""

    told: str
    optimizer: bool = False  # and gradients
    weights: bool = False
    deepspeed: bool = False  # which holds the weights themselves in bf16, and a float32 copy with the optimizer


WHOLE = Sharding("each holds everything")
LAUNCHES = {
    "one_gpu": WHOLE,
    "cpu_x2": WHOLE,
    "multi_gpu": WHOLE,
    "zero2": Sharding("gradients and optimizer states are sharded", optimizer=True, deepspeed=True),
    "zero3": Sharding("weights, gradients, optimizer states are sharded", True, True, True),
    "fsdp2": Sharding("weights, gradients, optimizer states are sharded", True, True),
}
"""By the names in profiles/accelerate/ that `training.launch` takes."""


@dataclass(frozen=True)
class Processes:
    """The processes of a run."""

    count: int
    devices: int  # that they run on
    sharding: Sharding

    @property
    def per_device(self) -> int:
        return -(-self.count // self.devices)


def processes_of(settings: Settings) -> Processes:
    """Raises UserError for a `training.launch` that is not known here."""
    launch, hardware = settings.profile.training.launch, settings.profile.hardware
    if launch is not None and launch not in LAUNCHES:
        raise UserError(
            f"training.launch: given {launch!r}, of which the plan does not know what it shards; "
            f"known: null, {', '.join(LAUNCHES)}",
            next="choose one of these, or add it to stages/training/plan/processes.py",
        )
    count = {None: 1, "one_gpu": 1, "cpu_x2": 2}.get(launch, hardware.count)
    return Processes(count, min(count, hardware.count), LAUNCHES.get(launch, WHOLE))
