"""The processes and devices that share a run, by accelerate, and the memory that there is."""

import os

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, DistributedType

from stages.shared.settings import Settings


def make_accelerator(settings: Settings) -> Accelerator:
    """accelerate's view of the processes that there are; it gives each its device."""
    runtime = settings.profile.runtime
    accelerator = Accelerator(
        cpu=runtime.device == "cpu",
        mixed_precision=runtime.precision,
        kwargs_handlers=[DistributedDataParallelKwargs(gradient_as_bucket_view=True)],
    )
    if accelerator.distributed_type == DistributedType.DEEPSPEED:
        _prepare_deepspeed(accelerator, settings)
    if accelerator.distributed_type == DistributedType.FSDP and runtime.precision == "bf16":
        _prepare_fsdp(accelerator)
    return accelerator


def _prepare_deepspeed(accelerator: Accelerator, settings: Settings) -> None:
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    # The batch, which accelerate reads off a data loader, is ours to cut; DeepSpeed clips inside its own step.
    accelerator.state.deepspeed_plugin.deepspeed_config.update(
        train_micro_batch_size_per_gpu=1, gradient_clipping=settings.profile.training.max_gradient_norm
    )
    unset_hf_deepspeed_config()  # under ZeRO-3 every `from_pretrained` would shard its model, before it is prepared


def _prepare_fsdp(accelerator: Accelerator) -> None:
    from torch.distributed.fsdp import MixedPrecisionPolicy

    # Gradients of many chunks are added up, in float32.
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    accelerator.state.fsdp_plugin.mixed_precision_policy = policy


def available_bytes(accelerator: Accelerator) -> int:
    """Free memory of this process's GPU; on CPUs the machine's, shared by its processes."""
    if accelerator.device.type == "cuda":
        return torch.cuda.mem_get_info(accelerator.device)[0]
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // processes
