"""Text from Jinja templates."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render_template(path: Path, /, *, autoescape: bool, **values: object) -> str:
    """The template `path` with `values`, HTML-escaped if `autoescape`. Raises UndefinedError for a name it has not."""
    environment = Environment(
        loader=FileSystemLoader(path.parent),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(path.name).render(values)
