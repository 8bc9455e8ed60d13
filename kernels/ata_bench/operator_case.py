"""The operator beside attention of the same layer, eager attention, and mean pooling."""

from collections.abc import Iterator

import torch
from benching.table import Result

from ata_bench import memory
from ata_bench.check import require_right
from ata_bench.jobs import DIRECTIONS, job
from ata_bench.operator_report import Group, Measured, figures_on_cpu, figures_on_gpu, notes, rows
from ata_bench.peers import ATA, CALLS
from ata_bench.rates import measured_rates
from ata_bench.results import Options, dtype_name
from ata_bench.shapes import Inputs, Shape, padded_inputs, random_inputs
from ata_bench.table import cells
from ata_bench.timing import measure

ON_CPU = Shape(batch=1, heads=8, key_heads=8, tokens=4096, size=64, hidden=512)
ON_GPU = Shape(batch=8, heads=32, key_heads=8, tokens=4096, size=128, hidden=4096)  # Mistral-7B's layer
LENGTHS = (512, 4096)
ROUNDS = {"cpu": 5, "cuda": 30}
QUICK_ROUNDS = 3
BACKENDS = {"cpu": ["torch", "reference"], "cuda": ["triton"]}  # checked on padded rows, too
EAGER_MATRICES = (
    8  # float32 matrices (B, H, N, N) that eager attention has at once, forward and backward, and some room
)
CACHES = 4  # inputs that are used in turn fill the L2 cache so many times


def run(options: Options) -> Iterator[Result]:
    """Check all groups, then measure one after the other.

    Raises:
        WrongResult: before anything is timed.
    """
    groups = _groups(options)
    dtype = groups[0].dtype
    options.step("check on padded rows")
    require_right(BACKENDS[options.device], padded_inputs(dtype, options.device), f"padded rows, {dtype_name(dtype)}")
    for group in groups:
        options.step(f"check {group.shape}")
        inputs = _inputs(group, options.device, sets=1)[0]
        require_right([name for name in group.calls if name in ATA], inputs, f"{group.shape}, {dtype_name(dtype)}")
    options.step("rates of this machine")
    rates = measured_rates(options.device, dtype)
    figures_of = figures_on_cpu if options.device == "cpu" else figures_on_gpu
    for group in groups:
        measured = _measure(group, options)
        found = rows(group, measured, rates, options.provenance)
        yield Result(
            title=f"operator, {group.shape}, {dtype_name(dtype)}",
            notes=notes(group, measured, rates),
            table=cells(found),
            rows=found,
            figures={} if options.quick else figures_of(group, measured),
        )


def _groups(options: Options) -> list[Group]:
    if options.device == "cpu":
        shape = ON_CPU._replace(tokens=LENGTHS[0]) if options.quick else ON_CPU
        return [Group(shape, torch.float32, ("torch", "reference", "eager+output", "sdpa", "mean"), "reference")]
    groups = []
    for tokens in LENGTHS[: 1 if options.quick else None]:
        shape = ON_GPU._replace(tokens=tokens)
        small = shape._replace(batch=eager_batch(shape, torch.cuda.mem_get_info()[0]))
        groups += [
            Group(shape, torch.bfloat16, ("triton", "triton+lse", "sdpa", "mean"), None),
            Group(small, torch.bfloat16, ("triton", "eager", "eager+output", "sdpa"), "eager"),
        ]
    return groups


def eager_batch(shape: Shape, free: int) -> int:
    """The largest of B, B/2, B/4, ... whose attention matrices fit in `free` bytes."""
    batch = shape.batch
    while batch > 1 and EAGER_MATRICES * 4 * batch * shape.heads * shape.tokens**2 > free:
        batch //= 2
    return batch


def _inputs(group: Group, device: str, sets: int) -> list[Inputs]:
    lse = "triton+lse" in group.calls
    return [random_inputs(group.shape, group.dtype, device, seed, lse) for seed in range(sets)]


def _sets(group: Group, device: str) -> int:
    """How many sets of inputs leave nothing of one in the GPU's L2 cache when it is used again."""
    if device == "cpu":
        return 1
    shape = group.shape
    of_set = group.dtype.itemsize * shape.batch * shape.tokens * (shape.heads * shape.size + shape.hidden)
    return -(-CACHES * torch.cuda.get_device_properties().L2_cache_size // of_set)


def _measure(group: Group, options: Options) -> Measured:
    times, extra = {}, {}
    rounds = QUICK_ROUNDS if options.quick else ROUNDS[options.device]
    sets = _inputs(group, options.device, _sets(group, options.device))
    for direction in DIRECTIONS:
        options.step(f"time {direction}, {group.shape}")
        jobs = {name: job(CALLS[name], sets, direction) for name in group.calls}
        found = measure(jobs, device=options.device, sets=len(sets), rounds=rounds)
        times |= {(name, direction): value for name, value in found.items()}
    options.step(f"memory, {group.shape}")
    for name in group.calls:
        if options.device == "cuda":
            extra |= {(name, direction): count for direction, count in memory.extra_on_gpu(name, sets[0]).items()}
        elif (count := memory.extra_on_cpu(name, group.shape)) is not None:
            extra[name, "forward+backward"] = count
    return Measured(times, extra)
