"""An encoder that is saved as LoRA's adapter alone, exported without its base being merged."""

import shutil
from pathlib import Path

from stages.encoder.storage import ADAPTER_FILE
from stages.evaluation.export.text_encoder import BASE_FOLDER
from stages.shared.errors import UserError
from stages.shared.files import read_json, write_json

ADAPTER_WEIGHTS = "adapter_model.safetensors"


def is_adapter(encoder: Path) -> bool:
    """Whether the folder of a saved encoder holds an adapter alone."""
    return (encoder / ADAPTER_FILE).exists()


def write_adapter(encoder: Path, base: dict, backbone: Path, folder: Path) -> dict:
    """Write the adapter to `folder`, and the base too where it was trained from scratch: no Hub has that.

    Args:
        encoder: the folder of the saved encoder.
        base: what the adapter is bound to, as encoder.json says.
        backbone: the folder of the backbone stage.

    Returns:
        The base as the exported model finds it: a Hub model's `model` and `revision`, or {"folder": "base"}.
    """
    found = base if "model" in base else {"folder": BASE_FOLDER}
    shutil.copyfile(encoder / ADAPTER_WEIGHTS, folder / ADAPTER_WEIGHTS)
    settings = read_json(encoder / ADAPTER_FILE)
    named = {"base_model_name_or_path": found.get("model", BASE_FOLDER), "revision": found.get("revision")}
    write_json(folder / ADAPTER_FILE, settings | named)
    if "model" not in base:
        (folder / BASE_FOLDER).mkdir()
        for path in sorted((backbone / "model").iterdir()):
            if path.name == "config.json" or ".safetensors" in path.name:
                shutil.copyfile(path, folder / BASE_FOLDER / path.name)
    return found


def refuse_merged(encoder: Path) -> None:
    """Raise UserError if there is no adapter to export."""
    if not is_adapter(encoder):
        raise UserError(
            f"--adapter: {encoder} holds a whole model, its adapter merged or none trained",
            next="leave --adapter out, or set training.lora and training.export: adapter in the profile and run "
            "`dvc repro training`",
        )
