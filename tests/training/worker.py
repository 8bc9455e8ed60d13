"""A short run, as one of the processes that a launcher starts or alone: `worker.py <graph_tokens> <folder>`."""

import json
import os
import sys
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType
from safetensors.torch import save_file
from torch.distributed.tensor import DTensor

from stages.shared.records import TrainingSample, read_records
from stages.shared.settings import Settings, load_settings
from stages.training.build import build_encoder
from stages.training.schedule import Schedule
from stages.training.trainer import Trainer


def main(graph_tokens: int, folder: Path) -> None:
    torch.set_num_threads(1)
    if os.environ.get("ACCELERATE_USE_FSDP"):
        share_out_on_cpus()
    settings = load_settings()
    small = {"steps": 3, "batch_size": 7, "gradient_accumulation": 2, "warmup_steps": 0, "max_length": 48}
    update = {**small, "chunk_tokens": 100, "graph_tokens": graph_tokens, "false_negative_margin": 0.0}
    options = settings.profile.training.model_copy(update=update)
    params = settings.params.model_copy(update={"pooling": "ata"})
    settings = Settings(params, settings.profile.model_copy(update={"training": options}))
    schedule = Schedule.from_settings(settings, read_records("samples.parquet", TrainingSample))
    trainer = Trainer(build_encoder(settings), schedule, settings)
    gradients = {}
    trainer._optimizer.optimizer.register_step_pre_hook(lambda *_: keep(trainer, gradients))
    rows = list(trainer.steps())
    if trainer.accelerator.is_main_process:
        save_file(gradients, folder / "gradients.safetensors")
        accelerator = trainer.accelerator
        result = {"rows": rows, "order": schedule.fingerprint, "processes": accelerator.num_processes}
        result["type"] = accelerator.distributed_type.value
        (folder / "result.json").write_text(json.dumps(result))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def share_out_on_cpus() -> None:
    """accelerate 1.15 chooses FSDP on GPUs alone; all that it does from there on, CPUs can do too."""
    PartialState(cpu=True)
    PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU


def keep(trainer: Trainer, gradients: dict) -> None:
    """The gradients before the first optimizer step, which steps after it then start from."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    for name, weights in model.named_parameters():
        whole = weights.grad.full_tensor() if isinstance(weights.grad, DTensor) else weights.grad.clone()
        gradients.setdefault(name, whole)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
