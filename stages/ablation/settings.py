"""Settings of one cell of an ablation: those of the repository with some of them changed."""

from pathlib import Path

from ruamel.yaml import YAML, YAMLError

from stages.shared.errors import UserError
from stages.shared.settings import PARAMS_FILE, PROFILES_FOLDER, Params, load_settings

PARAMS = Params.model_fields.keys() - {"profile"}
SECTIONS = ("runtime", "training", "evaluation")  # of the profile: what the two stages of a cell read
SEED = "seed"

Change = tuple[list[str], object]  # the parts of a key, and the value


def read_change(text: str) -> Change:
    """A change, "key=value" with a value in YAML. Raises UserError for another form, or a key that no cell reads."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UserError(f"given {text!r}, must be key=value", next="for example pooling=ata or training.steps=50")
    section = key.split(".")[0]
    if section not in PARAMS and (section not in SECTIONS or section == key):
        allowed = [*sorted(PARAMS), *(f"{name}.*" for name in SECTIONS)]
        raise UserError(
            f"{key}: training and evaluation, the stages of a cell, do not read it; allowed: {', '.join(allowed)}",
            next="vary it with `dvc exp run -S`, which runs every stage that depends on it",
        )
    try:
        return key.split("."), YAML(typ="safe", pure=True).load(value)
    except YAMLError as error:
        raise UserError(f"{text!r}: {value!r} is not a value in YAML") from error


def write_settings(root: Path, folder: Path, changes: list[str]) -> None:
    """Write params.yaml and the profile that it names from `root` to `folder`, changed; of equal keys the last counts.

    Raises UserError as `read_change` does, and for settings that are not allowed.
    """
    yaml = YAML(typ="safe", pure=True)
    profile = f"{PROFILES_FOLDER}/{load_settings(root).params.profile}.yaml"
    files = {path: yaml.load((root / path).read_text(encoding="utf-8")) for path in (PARAMS_FILE, profile)}
    for keys, value in map(read_change, changes):
        _put(files[PARAMS_FILE if keys[0] in PARAMS else profile], keys, value)
    if mirror := files[profile]["evaluation"].get("mirror"):
        files[profile]["evaluation"]["mirror"] = str((root / mirror).resolve())
    (folder / PROFILES_FOLDER).mkdir(parents=True, exist_ok=True)
    for path, values in files.items():
        with (folder / path).open("w", encoding="utf-8") as file:
            yaml.dump(values, file)
    load_settings(folder)


def _put(values: dict, keys: list[str], value: object) -> None:
    """Set one value; a key that does not belong there is found when the settings are checked."""
    for key in keys[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            raise UserError(f"{'.'.join(keys)}: {key} is {inner!r}, it has no keys", next=f"change {key} as a whole")
        values = inner
    values[keys[-1]] = value
