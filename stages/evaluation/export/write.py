"""From a trained encoder to a folder for sentence-transformers: written aside, checked, then put in its place."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError

from stages.encoder import Encoder, EncoderConfig
from stages.encoder.encoder import CONFIG_FILE, LATENT_FILE
from stages.evaluation.export import adapter as adapters
from stages.evaluation.export.card import render
from stages.evaluation.export.check import Embeddings, check, embed
from stages.evaluation.export.facts import Facts, collect, write_meta
from stages.evaluation.export.figures import read_figures
from stages.evaluation.export.layout import needs_code, write_layout, write_tokenizer
from stages.evaluation.export.provenance import provenance
from stages.evaluation.export.recipe import base_license, hub_base, languages, origin, other_recipe, recipe
from stages.evaluation.export.shipped import ship
from stages.evaluation.export.target import check_target, replacing
from stages.shared.errors import UserError
from stages.shared.files import read_json, write_text
from stages.shared.settings import Settings

BACKBONE = Path("data/backbone")


@dataclass(frozen=True)
class Export:
    """What was written."""

    folder: Path
    facts: Facts
    distance: float  # the largest cosine distance between its embeddings and the encoder's
    notes: list[str]  # what the model card does not show, and why


def write_export(
    encoder: str | Path,
    target: str | Path,
    settings: Settings,
    *,
    backbone: str | Path = BACKBONE,
    adapter: bool = False,
    overwrite: bool = False,
) -> Export:
    """Write the saved encoder in the folder `encoder` to `target`, for sentence-transformers.

    Args:
        settings: the run's: `evaluation.max_length`, and what the model card tells of how the model was made.
        backbone: the folder of the backbone stage, which holds or names the base of an adapter.
        adapter: write an adapter and what it is bound to, not the model that they make.
        overwrite: replace an earlier export in `target`.

    Raises:
        UserError: if there is no such encoder, `target` may not be written or its disk is too small, or the written
            model does not give the encoder's embeddings. `target` is then as it was.
    """
    source, target, backbone = Path(encoder), Path(target).resolve(), Path(backbone)
    check_target(target, overwrite=overwrite)
    config, base = _saved(source)
    if adapter:
        adapters.refuse_merged(source)
    if target.is_relative_to(source.resolve()):
        raise UserError(f"{target} lies inside {source}, which training owns", next="name a folder elsewhere")

    loaded = Encoder.load(source, backbone=backbone, dtype=_dtype(source, settings, adapter=adapter))
    code = needs_code(config, adapter=adapter)
    hub = hub_base(base, backbone)
    other = other_recipe(settings, config, backbone)
    told = {"base": hub and hub[0], "license": base_license(hub), "languages": [] if other else languages(settings)}
    facts = collect(target.name, loaded, source, settings, **told, adapter=adapter, code=code)
    _check_space(target, _size(source) if adapter else facts.bytes)
    where = provenance()
    with (
        replacing(target, overwrite=overwrite, about={"weights": facts.revision, **where}) as folder,
        _disk_full(target),
    ):
        found = adapters.write_adapter(source, base, backbone, folder) if adapter else None
        expected = _write_model(loaded, folder, facts, found)
        del loaded
        notes = _write_card(folder, facts, source, settings, other, where)
        distance = check(folder, expected, trust=code)
    return Export(target, facts, distance, notes)


def _saved(source: Path) -> tuple[EncoderConfig, dict | None]:
    """How the encoder in a folder embeds, and the base of an adapter."""
    advice = "export what `dvc repro` leaves in data/encoder, or name its folder with --encoder"
    if not source.is_dir():
        raise UserError(f"{source} does not exist", next="run `dvc repro`, which trains the encoder")
    path = source / CONFIG_FILE
    if not path.exists():
        raise UserError(f"{source} holds no {CONFIG_FILE}: no encoder of this pipeline", next=advice)
    try:
        saved = read_json(path)
        base = saved.pop("base", None)
        return EncoderConfig(**saved), base
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is not the file that training writes: {error}", next=advice) from error


def _dtype(source: Path, settings: Settings, *, adapter: bool) -> torch.dtype | str:
    """The type that a whole model was saved in, or that the evaluation merges an adapter in.

    An adapter that is not merged is compared with its merged model, which in 16 bits would be another one.
    """
    if not adapters.is_adapter(source):
        return "auto"
    return torch.bfloat16 if settings.profile.runtime.precision == "bf16" and not adapter else torch.float32


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _check_space(target: Path, size: int) -> None:
    existing = next(folder for folder in target.parents if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < size:
        raise UserError(
            f"no space left for {target}: the weights take {size / 2**20:,.0f} MiB, {free / 2**20:,.0f} MiB are free",
            next="free some, or name a folder on another disk",
        )


@contextmanager
def _disk_full(target: Path) -> Iterator[None]:
    """safetensors has an error of its own for a full disk."""
    try:
        yield
    except SafetensorError as error:
        raise UserError(f"cannot write {target}: {error}", next="free some space, or name another folder") from error


def _write_model(encoder: Encoder, folder: Path, facts: Facts, base: dict | None) -> Embeddings:
    """Write everything but the card; what the encoder makes of the check's texts, for which it becomes float32."""
    if base is None:
        encoder.model.save_pretrained(folder)
    write_tokenizer(folder, encoder.tokenizer, facts.max_length)
    if encoder.latent:
        encoder.latent.save(folder / LATENT_FILE)
    shape = {"hidden_size": facts.hidden_size, "max_length": facts.max_length}
    write_layout(folder, encoder.config, **shape, code=facts.code, base=base)
    if facts.code:
        ship(folder)
    write_meta(folder, facts)
    return embed(encoder, facts.max_length)


def _write_card(
    folder: Path, facts: Facts, source: Path, settings: Settings, other: str | None, where: dict[str, str]
) -> list[str]:
    """Write the model card with what is known; what it leaves out, and why. `other` is why the recipe is not."""
    notes, figures, made, told = [], None, None, []
    try:
        figures = read_figures(source, facts)
    except UserError as error:
        notes.append(f"no scores in the model card: {error}")
    if other:
        notes.append(f"no recipe in the model card: {other}")
    else:
        made, told = recipe(settings), origin(settings)
    write_text(folder / "README.md", render(facts, figures=figures, recipe=made, origin=told, provenance=where))
    return notes
