"""What the case `gpu` measures, and the settings that the stage `training` would be given for it.

Imports no package that loads numpy or torch: a measured process fixes its environment before they are.
"""

from dataclasses import dataclass

from ruamel.yaml import YAML

from stages.shared.settings import HubBackbone, Lora, Settings
from stages.training_bench.work import ROOT, Work, read_settings

PROFILE = "profiles/small.yaml"  # whose backbone, Qwen3-0.6B, gives the shape
NEGATIVES = 1  # graded ones of each query
POOLINGS = ("mean", "ata")


@dataclass(frozen=True)
class GpuWork:
    """Steps of a decoder with random weights, half of them with each pooling; every text has `length` tokens."""

    architecture: dict  # as backbone.architecture in a profile
    precision: str = "bf16"  # or fp32
    device: str = "cuda"  # or cpu
    compiled: bool = False
    lora: bool = False  # adapters on a frozen base; else all weights are trained
    batch_size: int = 512  # queries, each with a positive and a graded negative
    length: int = 512  # tokens
    chunk_tokens: int = 16_384  # of a pass through the model; one pass keeps its graph. About 40 GB of activations
    untimed: int = 2  # steps with each pooling before the timed ones
    timed: int = 3

    @property
    def steps(self) -> int:
        return len(POOLINGS) * (self.untimed + self.timed)

    @property
    def texts(self) -> int:
        """Of a step."""
        return self.batch_size * (2 + NEGATIVES)


def small_architecture() -> dict:
    """The shape of profile small's backbone, under the names of its config.json."""
    return YAML(typ="safe", pure=True).load((ROOT / PROFILE).read_text(encoding="utf-8"))["backbone"]["architecture"]


def settings_for(work: GpuWork, *, pooling: str = "mean", checkpointing: bool = False) -> Settings:
    """The bench's settings with the sizes of `work`."""
    base = read_settings(Work("", work.precision, batch_size=work.batch_size, steps=work.steps))
    shape = {"architecture": work.architecture, "trust_remote_code": False, "append_eos": False}
    backbone = HubBackbone.model_validate({"kind": "hub", "model": "random", "revision": "0000000", **shape})
    training = {
        "max_length": work.length,
        "chunk_tokens": work.chunk_tokens,
        "graph_tokens": work.chunk_tokens,
        "activation_checkpointing": checkpointing,
        "compile": work.compiled,
        "lora": Lora(rank=16, alpha=32, dropout=0.05) if work.lora else None,
        "learning_rate": 1e-4,  # as profile small's
        "warmup_steps": 1,
    }
    profile = base.profile.model_copy(
        update={
            "runtime": base.profile.runtime.model_copy(update={"device": work.device, "attn_implementation": "auto"}),
            "backbone": backbone,
            "training": base.profile.training.model_copy(update=training),
        }
    )
    return Settings(base.params.model_copy(update={"pooling": pooling, "curriculum": "n1"}), profile)
