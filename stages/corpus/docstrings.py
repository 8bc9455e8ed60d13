"""Documentation of an installed package, read with `ast`: nothing of the package is imported."""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.shared.errors import UserError

# Vendored code repeats other packages, tests document little, and numpy ships distutils to old Pythons only.
SKIPPED_FOLDERS = {"tests", "test", "testing", "_vendor", "vendored", "externals", "_externals", "extern", "distutils"}


@dataclass(frozen=True, slots=True)
class Docstring:
    """One raw docstring and where it stands."""

    group: str  # dotted module, package first
    name: str  # qualified name in the module, "" for the module itself
    kind: str  # module | class | function | method
    text: str


def package_files(package: str) -> list[Path]:
    """The package's Python files, sorted. Raises UserError when it is not installed."""
    # A dotted name would import its parents.
    spec = None if "." in package else importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            f"corpus.source names the package {package!r}, which is not installed here",
            next="run `make setup`, or name top-level packages that are installed",
        )
    root = Path(spec.submodule_search_locations[0])
    files = (path.relative_to(root) for path in root.rglob("*.py"))
    return [root / path for path in sorted(files) if not SKIPPED_FOLDERS & set(path.parts)]


def read_file(package: str, path: Path) -> list[Docstring]:
    """All docstrings of one file, in its order; a file that does not parse has none."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError, ValueError):  # templates and Python 2 leftovers are shipped too
        return []
    parts = path.with_suffix("").parts
    parts = parts[len(parts) - 1 - parts[::-1].index(package) :]
    group = ".".join(part for part in parts if part != "__init__")
    return list(_walk(tree, group, (), inside_class=False))


def _walk(node: ast.AST, group: str, name: tuple[str, ...], *, inside_class: bool) -> Iterator[Docstring]:
    kind = {ast.Module: "module", ast.ClassDef: "class"}.get(type(node), "method" if inside_class else "function")
    if text := ast.get_docstring(node):
        yield Docstring(group, ".".join(name), kind, text)
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _walk(child, group, (*name, child.name), inside_class=isinstance(node, ast.ClassDef))
