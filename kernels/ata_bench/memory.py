"""Extra memory of a call: what it needs at its peak beyond its inputs."""

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from ata_bench.jobs import forward_and_backward
from ata_bench.peers import CALLS
from ata_bench.shapes import Inputs, Shape, random_inputs

DTYPE = torch.float32  # of the CPU case
RESET = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")


def extra_on_gpu(name: str, inputs: Inputs) -> dict[str, int]:
    """Bytes at the allocator's peak less what was there before, less outputs and gradients; by direction.

    "forward" is without gradients; what a forward pass keeps for the backward is in "forward+backward".
    """
    call = CALLS[name]
    works = {"forward": torch.no_grad()(call), "forward+backward": lambda inputs: forward_and_backward(call, inputs)}
    extra = {}
    for direction, work in works.items():
        work(inputs)  # libraries take their workspace once
        gc.collect()
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        results = work(inputs)
        torch.cuda.synchronize()
        extra[direction] = torch.cuda.max_memory_allocated() - before - _bytes(results)
        del results
    return extra


def _bytes(results) -> int:
    if isinstance(results, torch.Tensor):
        return results.untyped_storage().nbytes()
    return sum(_bytes(part) for part in results or ())


def extra_on_cpu(name: str, shape: Shape) -> int | None:
    """Bytes of one forward and backward pass in a fresh process: peak resident set during it less that before it.

    Outputs and gradients are in it. None where the system lets no process reset its peak.
    """
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "ata_bench.memory", name, json.dumps(shape)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _resident_extra(name: str, shape: Shape) -> int | None:
    call = CALLS[name]
    forward_and_backward(call, random_inputs(shape._replace(tokens=64), DTYPE, "cpu", seed=0))  # loads libraries
    inputs = random_inputs(shape, DTYPE, "cpu", seed=0)
    gc.collect()
    try:
        RESET.write_text("5")  # the peak is now the resident set (proc_pid_clear_refs(5))
    except OSError:
        return None
    before = _status("VmRSS")
    forward_and_backward(call, inputs)
    return _status("VmHWM") - before


def _status(field: str) -> int:
    """A field of /proc/self/status in bytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    print(json.dumps(_resident_extra(sys.argv[1], Shape(*json.loads(sys.argv[2])))))
