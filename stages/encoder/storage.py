"""Encoders on disk: the whole model, or LoRA's adapter that names the base it belongs to."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import save_file
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available

from stages.encoder.tokens import append_eos
from stages.shared.errors import UserError
from stages.shared.files import read_json

ADAPTER_FILE, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
WEIGHTS = "model.safetensors"

Loaded = tuple[PreTrainedModel, PreTrainedTokenizerBase]


def attention_kernel(name: str) -> str:
    """The attention implementation that transformers is asked for; `auto` is FlashAttention where it is installed.

    Raises UserError if the one that is named is not installed.
    """
    installed = {"flash_attention_2": is_flash_attn_2_available, "flash_attention_3": is_flash_attn_3_available}
    if name == "auto":
        return next((known for known, there in reversed(installed.items()) if there()), "sdpa")
    if name in installed and not installed[name]():
        raise UserError(
            f"runtime.attn_implementation: {name} is not installed, or finds no GPU that it supports",
            next="choose sdpa or auto, or install the package flash-attn",
        )
    return name


def load_backbone(folder: str | Path, *, dtype: torch.dtype | str, attn_implementation: str) -> Loaded:
    """Model and tokenizer that the stage `backbone` left or named in `folder`."""
    backbone = read_json(existing(Path(folder) / "backbone.json", "dvc repro backbone"))
    options = {"dtype": dtype, "attn_implementation": attn_implementation}
    if backbone["kind"] == "scratch":
        return load_model(str(Path(folder) / "model"), **options)
    pinned = {"revision": backbone["revision"], "trust_remote_code": backbone["trust_remote_code"]}
    model, tokenizer = load_model(backbone["model"], **pinned, **options)
    if backbone["append_eos"]:
        append_eos(tokenizer)
    return model, tokenizer


def load_model(name: str, *, dtype: torch.dtype | str, attn_implementation: str, **pinned) -> Loaded:
    """A model and its tokenizer, from a folder or the Hub. Raises UserError if either cannot be loaded."""
    try:
        model = AutoModel.from_pretrained(
            name, dtype=dtype, attn_implementation=attention_kernel(attn_implementation), **pinned
        )
        return model, AutoTokenizer.from_pretrained(name, **pinned)
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(
            f"cannot load the model {name}: {str(error).splitlines()[0]}",
            next="check backbone.model, backbone.revision and the network (HF_TOKEN for gated models); "
            "profile tiny needs none of them",
        ) from error


def base_identity(folder: str | Path) -> dict:
    """What an adapter is bound to: a Hub model's name and revision, or the hash of a scratch model's weights."""
    backbone = read_json(existing(Path(folder) / "backbone.json", "dvc repro backbone"))
    if backbone["kind"] == "hub":
        return {"model": backbone["model"], "revision": backbone["revision"]}
    with (Path(folder) / "model" / WEIGHTS).open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def load_adapter(folder: str | Path, backbone: str | Path, base: dict, **options) -> Loaded:
    """The base in `backbone` under the adapter in `folder`, merged. Raises UserError if it is not that of `base`."""
    given = base_identity(backbone)
    if given != base:
        raise UserError(
            f"{folder} is an adapter for another base: it needs {_told(base)}, {backbone} has {_told(given)}",
            next="check out the commit that trained it and run `dvc repro backbone`, or train again",
        )
    model, tokenizer = load_backbone(backbone, **options)
    with without_peft_warning():
        return PeftModel.from_pretrained(model, str(folder)).merge_and_unload(), tokenizer


@contextmanager
def without_peft_warning() -> Iterator[None]:
    """Around what makes a PeftModel. peft 0.21 reads the model's `is_gradient_checkpointing`, whatever it is told.

    Harmless: newer releases of transformers, which renamed it, warn of the old name and give the same answer.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def save_light(model: PreTrainedModel, folder: str | Path) -> None:
    """A copy of a whole model in bfloat16, half of float32's size; the model itself stays as it is."""
    folder = Path(folder)
    model.config.save_pretrained(folder)
    state = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / WEIGHTS, metadata={"format": "pt"})


def existing(path: Path, command: str) -> Path:
    """`path`. Raises UserError if it is not there, with the command that makes it."""
    if not path.exists():
        raise UserError(f"{path} does not exist", next=f"run `{command}`")
    return path


def _told(base: dict) -> str:
    return f"{base['model']}@{base['revision']}" if "model" in base else f"weights {base['sha256'][:12]}"
