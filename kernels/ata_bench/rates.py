"""What this machine does in a second, measured on the spot: the rates that floors are counted with."""

import torch

from ata_bench.floors import Rates
from ata_bench.jobs import Job
from ata_bench.timing import measure

ROUNDS = 10
SQUARE = {"cuda": 8192, "cpu": 2048}  # rows and columns of the matrices
COPIED = {"cuda": 2**31, "cpu": 2**28}  # bytes
# Results of the special function units a clock and multiprocessor, by major compute capability (CUDA Programming Guide,
# throughput of native arithmetic instructions).
SPECIAL = {8: 16, 9: 16}


def measured_rates(device: str, dtype: torch.dtype) -> Rates:
    """The best of several rounds: of a large matrix product in `dtype`, and of a large copy, read and written."""
    size, count = SQUARE[device], COPIED[device]
    left, right = (torch.randn(size, size, dtype=dtype, device=device) for _ in range(2))
    product = torch.empty_like(left)
    source = torch.randint(256, (count,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    jobs = {
        "matrix": Job(lambda _: None, lambda _: torch.mm(left, right, out=product)),
        "copy": Job(lambda _: None, lambda _: target.copy_(source)),
    }
    times = {name: min(found.ms) / 1000 for name, found in measure(jobs, device=device, sets=1, rounds=ROUNDS).items()}
    special = special_rate() if device == "cuda" else None  # after the product, at the clock that work is done at
    return Rates(matrix=2 * size**3 / times["matrix"], special=special, bytes=2 * count / times["copy"])


def special_rate() -> float | None:
    """Special functions a second of the current GPU; None where its units or its clock are not known."""
    properties = torch.cuda.get_device_properties()
    clock = _highest_clock(properties)
    if properties.major not in SPECIAL or clock is None:
        return None
    return SPECIAL[properties.major] * properties.multi_processor_count * clock


def _highest_clock(properties) -> float | None:
    """In Hz: from the properties, or from the driver's library, which needs the package nvidia-ml-py."""
    if kilohertz := getattr(properties, "clock_rate", None):
        return 1000 * kilohertz
    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(torch.cuda.current_device())
        return 1e6 * pynvml.nvmlDeviceGetMaxClockInfo(handle, pynvml.NVML_CLOCK_SM)
    except Exception:  # not installed, no permission, another order of devices: then the rate is not known
        return None
