"""Turns a pydantic error into lines that name the file, the key, what was given and what is allowed."""

import difflib
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError


def explain(file: str, model: type[BaseModel], error: ValidationError) -> str:
    """One line for each wrong key of `file`, which was read as `model`."""
    return "\n".join(_line(file, model, item) for item in error.errors(include_url=False))


def _line(file: str, model: type[BaseModel], item: dict) -> str:
    path, place = _resolve(model, item["loc"])
    key = ".".join(path) or "(top)"
    given = item["input"]
    if item["type"] == "extra_forbidden":
        allowed = sorted(_fields(place))
        close = difflib.get_close_matches(path[-1], allowed, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        return f"{file}: {key}: unknown key, given {given!r}{hint}; allowed here: {', '.join(allowed)}"
    if item["type"] == "missing":
        return f"{file}: {key}: missing; {_needs(place, path[-1])}"
    if item["type"] == "union_tag_invalid":
        return f"{file}: {key}.kind: given {item['ctx']['tag']!r}; allowed: {item['ctx']['expected_tags']}"
    if item["type"] == "union_tag_not_found":
        tags = map(_tag, _models(place.model_fields[path[-1]].annotation))
        return f"{file}: {key}.kind: missing; allowed: {', '.join(map(repr, tags))}"
    if item["type"] == "literal_error":
        return f"{file}: {key}: given {given!r}; allowed: {item['ctx']['expected']}"
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return (
        f"{file}: {key}: given {given!r}; must be: {message}"
        if item["type"] != "value_error"
        else f"{file}: {key}: {message}"
    )


def _resolve(model: type[BaseModel], loc: tuple) -> tuple[list[str], Any]:
    """The key path of `loc` without pydantic's union tags, and the model in which its last key stands."""
    path: list[str] = []
    here: Any = model
    parent: Any = model
    for part in loc:
        members = [member for member in _models(here) if _tag(member) == part]
        if len(_models(here)) > 1 and members:
            here = parent = members[0]
            continue
        path.append(str(part))
        if get_origin(here) is dict:  # any key, and the annotation of its value
            here = parent = get_args(here)[1]
            continue
        owners = [member for member in _models(here) if part in member.model_fields]
        parent = here
        here = owners[0].model_fields[part].annotation if owners else None
    return path, parent


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is Annotated:
        return _models(get_args(annotation)[0])
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _tag(model: type[BaseModel]) -> str | None:
    kind = model.model_fields.get("kind")
    return get_args(kind.annotation)[0] if kind else None


def _fields(place: Any) -> set[str]:
    return {name for model in _models(place) for name in model.model_fields}


def _needs(place: Any, key: str) -> str:
    for model in _models(place):
        if key in model.model_fields:
            annotation = model.model_fields[key].annotation
            if get_origin(annotation) is Literal:
                return f"allowed: {', '.join(map(repr, get_args(annotation)))}"
            return f"needs {getattr(annotation, '__name__', annotation)}"
    return "needs a value"
