"""The first step of a run, as one of the processes that `torch.distributed.run` starts: `worker.py <cut> <folder>`."""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from stages.shared.records import TrainingSample, read_records
from stages.shared.settings import Settings, load_settings
from stages.training.build import build_encoder
from stages.training.schedule import Schedule
from stages.training.trainer import Trainer


def main(graph_tokens: int, folder: Path) -> None:
    torch.set_num_threads(1)
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
        result = {"rows": rows, "order": schedule.fingerprint, "processes": trainer.accelerator.num_processes}
        (folder / "result.json").write_text(json.dumps(result))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def keep(trainer: Trainer, gradients: dict) -> None:
    """The gradients before the first optimizer step, which steps after it then start from."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    for name, weights in model.named_parameters():
        gradients.setdefault(name, weights.grad.clone())


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
