"""mteb's description of a model, and what its revision is made of."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mteb.models import ModelMeta
from mteb.models.model_meta import ScoringFunction


def model_meta(name: str, **own: Any) -> ModelMeta:
    """mteb's description of one of our models; what `own` leaves out is unknown or does not apply."""
    unknown = ("n_parameters", "memory_usage_mb", "max_tokens", "release_date", "license", "open_weights")
    links = ("public_training_code", "public_training_data", "training_datasets")
    return ModelMeta(
        **{
            **dict.fromkeys((*unknown, *links)),
            "loader": None,
            "name": f"mgh-ata-embeddings/{name}",
            "languages": ["eng-Latn"],
            "similarity_fn_name": ScoringFunction.COSINE,
            "use_instructions": False,
            **own,
        }
    )


def as_json(meta: ModelMeta) -> dict:
    """`meta` as JSON, the same in every process: mteb's has sets in any order, and functions among the arguments."""
    found = meta.to_dict()
    if found["training_datasets"]:
        found["training_datasets"] = sorted(found["training_datasets"])
    return json.loads(json.dumps(found, default=lambda value: getattr(value, "__qualname__", type(value).__name__)))


def hash_of_weights(folder: Path) -> str:
    """16 hex digits that name the weights in `folder`."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
