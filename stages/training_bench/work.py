"""What a measured process is asked to do, and the settings that both sides read: those of profile tiny.

Imports no package that loads numpy or torch: a measured process fixes its threads before they are.
"""

from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from stages.shared.settings import Params, Profile, Settings

ROOT = Path(__file__).parents[2]
THREADS = 2
NEGATIVES = 4  # of each query
MAX_LENGTH = 96  # tokens, as profile tiny trains
ENCODE_MAX_LENGTH = 256  # the model's own, which sentence-transformers takes
PRECISIONS = {"fp32": "no", "bf16": "bf16"}  # by the name in tables and rows, as settings call it


@dataclass(frozen=True)
class Work:
    backbone: str  # a folder as the stage `backbone` leaves it
    precision: str  # fp32 or bf16
    samples: str = ""  # a Parquet file of TrainingSamples, in the order of training
    batch_size: int = 64
    steps: int = 10
    untimed: int = 2  # of them, the first ones
    texts: str = ""  # a JSON file with a list of texts to encode
    embeddings: str = ""  # where their embeddings are written, for numpy


def read_settings(work: Work) -> Settings:
    """Profile tiny with bidirectional mean pooling and all four graded negatives of each query in each step."""
    yaml = YAML(typ="safe", pure=True)
    params = Params.model_validate(yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8")))
    profile = Profile.model_validate(yaml.load((ROOT / "profiles/tiny.yaml").read_text(encoding="utf-8")))
    changes = {"precision": PRECISIONS[work.precision], "threads": THREADS, "instruction_set": "native"}
    training = profile.training.model_copy(
        update={
            "batch_size": work.batch_size,
            "steps": work.steps,
            "retrieval_steps": 0,
            "gradient_accumulation": 1,
            "max_length": MAX_LENGTH,
            "instructions": False,
            "loss": "one_way",
            "learned_temperature": False,
            "false_negative_margin": None,
            "lora": None,
        }
    )
    profile = profile.model_copy(update={"runtime": profile.runtime.model_copy(update=changes), "training": training})
    params = params.model_copy(update={"pooling": "mean", "attention": "bidirectional", "curriculum": "all"})
    return Settings(params, profile)
