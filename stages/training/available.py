"""How much memory there is for training."""

import os

import torch
from accelerate import Accelerator


def available_bytes(accelerator: Accelerator) -> int:
    """Free memory of this process's GPU; on CPUs the machine's, shared by its processes."""
    if accelerator.device.type == "cuda":
        return torch.cuda.mem_get_info(accelerator.device)[0]
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // processes
