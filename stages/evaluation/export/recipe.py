"""How a model was made, as far as the settings of today still say so."""

import re
from pathlib import Path

from huggingface_hub import ModelCard, hf_hub_download

from stages.encoder import EncoderConfig
from stages.shared.files import read_json
from stages.shared.settings import Settings


def other_recipe(settings: Settings, config: EncoderConfig, backbone: Path) -> str | None:
    """Why params.yaml and the profile are not what the encoder and its backbone were made with; None if they may be."""
    wanted = EncoderConfig.from_params(settings.params, settings.profile.training)
    of_pooling = {"ata": ("ata_score", "ata_detach"), "latent": ("latent_size", "latent_heads")}
    for name in ("pooling", "attention", "instructions", "pool_instructions", *of_pooling.get(config.pooling, ())):
        given, now = getattr(config, name), getattr(wanted, name)
        if given != now:
            return f"the encoder was trained with {name} {given}, the settings now say {now}"
    made, profile = _made(backbone), settings.profile.backbone
    if made["kind"] != profile.kind or made.get("model") != getattr(profile, "model", None):
        return f"{backbone} does not hold the backbone that the profile names"
    if profile.kind == "hub" and _other_revision(made["revision"], profile.revision):
        return f"{backbone} holds revision {made['revision']} of the backbone, the profile now says {profile.revision}"
    return None


def hub_base(bound: dict | None, backbone: Path) -> tuple[str, str] | None:
    """Name and revision of the Hub model that training started from; None where it was made here, or nobody knows.

    Args:
        bound: what an adapter is bound to.
        backbone: the folder of the backbone stage.
    """
    made = bound or _made(backbone)
    return (made["model"], made["revision"]) if "model" in made else None


def base_license(base: tuple[str, str] | None) -> str | None:
    """The license of a Hub base, by its card; None for a model from scratch, or where the card is out of reach."""
    if base is None:
        return None
    try:
        return ModelCard.load(hf_hub_download(base[0], "README.md", revision=base[1])).data.license
    except Exception:  # no network, no card, or none that can be read
        return None


def languages(settings: Settings) -> list[str]:
    """Of the training texts, ISO 639-1; none where nobody has said."""
    return [] if settings.params.training_data == "retrieval" else sorted(settings.profile.prompts.languages)


def recipe(settings: Settings) -> dict[str, dict[str, str]]:
    """Sections of settings and their values, nested names joined by dots."""
    profile = settings.profile
    return {
        "params.yaml": _flat(settings.params.model_dump()),
        f"profiles/{settings.params.profile}.yaml": {
            **_flat({"backbone": profile.backbone.model_dump(exclude={"architecture"})}),
            **_flat({"training": profile.training.model_dump()}),
            "runtime.precision": profile.runtime.precision,
        },
    }


def origin(settings: Settings) -> list[str]:
    """In a sentence each: what the model has seen, and who wrote its training samples."""
    source, backbone, endpoint = (
        settings.profile.corpus.source,
        settings.profile.backbone,
        settings.profile.llm.endpoint,
    )
    corpus = {
        "packages": lambda: f"the documentation of the Python packages {', '.join(source.train)}",
        "hub": lambda: f"the data set {source.path} at revision {source.revision}",
        "files": lambda: "files that are not published here",
    }[source.kind]()
    told = [f"The corpus is {corpus}."]
    if backbone.kind == "scratch":
        told.append("The model starts from random weights and has seen nothing but this corpus and texts made from it.")
    if settings.params.training_data == "retrieval":
        told.append("Training pairs are those of the corpus; no LLM has written any.")
    elif endpoint.kind == "local":
        told.append(
            "Its training samples come from an endpoint that picks graded texts from the corpus: no language model "
            "has written them."
        )
    else:
        told.append(f"Its training samples were written by {endpoint.model}.")
    return told


def _other_revision(commit: str, named: str) -> bool:
    """Whether `named` is another commit, or the start of one; what a tag or a branch stood for nobody knows here."""
    return re.fullmatch("[0-9a-f]+", named) is not None and not commit.startswith(named)


def _made(backbone: Path) -> dict:
    path = backbone / "backbone.json"
    return read_json(path) if path.exists() else {"kind": "none"}


def _flat(values: dict, before: str = "") -> dict[str, str]:
    flat = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        else:
            flat[before + name] = _yaml(value)
    return flat


def _yaml(value) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
