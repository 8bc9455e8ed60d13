"""The Python files of an exported model: its module for sentence-transformers and all that this imports from here.

A model must run where this repository is not installed, so its folder brings the code. sentence-transformers finds a
module's class with transformers' `get_class_from_dynamic_module`, which takes files of one flat folder that import each
other as `from .name import`, and copies those alone. So each file is copied under a flat name with such imports.

An installed `ata_pooling` is not preferred over the copy: a model then gives the embeddings that it was scored with,
whatever version stands beside it. Copies live side by side in one process, because each registers its operators with
torch under a name of its own.
"""

import ast
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from stages.shared.files import write_text

ENTRY = "stages.evaluation.export.text_encoder"
CLASS = "text_encoder.TextEncoder"  # in the exported folder
OURS = ("ata_pooling", "stages")

HEADER = (
    "# SPDX-License-Identifier: Apache-2.0. Copied from {name} of mgh-ata-embeddings when the model was exported.\n"
)
OPERATORS = """from hashlib import sha256

# torch knows an operator by its name, and another copy of this file may be loaded too.
OPERATORS = "ata_pooling_" + sha256(__name__.encode()).hexdigest()[:16]

"""
MODULE = """
import sys

MODULE = sys.modules[__name__]  # transformers follows `from .name import MODULE`, but not `from . import name`
"""
OPTIONAL = """try:  # in a `try`, or transformers demands it everywhere
{lines}
except ImportError:
    raise
"""


def ship(folder: Path) -> None:
    """Write the files to `folder`."""
    sources = _closure(ENTRY)
    modules = {module for source in sources.values() for node in _imports(source) for module in _modules(node)}
    for name, source in sources.items():
        text = _flattened(source) + (MODULE if name in modules else "")
        write_text(folder / f"{_flat(name)}.py", HEADER.format(name=name) + text)


def _closure(entry: str) -> dict[str, str]:
    """The sources of `entry` and, directly or through others, of all our modules that it imports, by their names."""
    sources: dict[str, str] = {}
    open_ = [entry]
    while open_:
        name = open_.pop()
        if name not in sources:
            sources[name] = Path(find_spec(name).origin).read_text(encoding="utf-8")
            open_ += [module for node in _imports(sources[name]) for module in _modules(node) or [node.module]]
    return sources


@cache
def _imports(source: str) -> list[ast.ImportFrom]:
    """The imports from our packages, also those inside functions."""
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    return [node for node in imports if node.module.split(".")[0] in OURS]


def _modules(node: ast.ImportFrom) -> list[str]:
    """The modules that `from package import module, other` imports; none if it imports what is in a module."""
    return [f"{node.module}.{alias.name}" for alias in node.names] if node.module in OURS else []


def _flattened(source: str) -> str:
    """A source with relative imports of flat names, operators of its own name, and Triton as an option."""
    lines = source.splitlines(keepends=True)
    for node in sorted(_imports(source), key=lambda node: node.lineno, reverse=True):
        lines[node.lineno - 1 : node.end_lineno] = [f"{' ' * node.col_offset}{line}\n" for line in _relative(node)]
    source = "".join(lines)
    if '"ata_pooling::' in source:
        first = re.search(r"(?m)^(?:import|from) ", source).start()
        source = source[:first] + OPERATORS + source[first:].replace('"ata_pooling::', 'OPERATORS + "::')
    return re.sub(r"(?m)^(?:import triton.*\n)+", _optional, source)


def _relative(node: ast.ImportFrom) -> list[str]:
    """The statements in place of `node`."""
    if modules := _modules(node):
        names = [alias.asname or alias.name for alias in node.names]
        return [f"from .{_flat(module)} import MODULE as {name}" for module, name in zip(modules, names, strict=True)]
    return [f"from .{_flat(node.module)} import {', '.join(map(ast.unparse, node.names))}"]


def _flat(name: str) -> str:
    return CLASS.partition(".")[0] if name == ENTRY else name.removeprefix("stages.").replace(".", "_")


def _optional(imports: re.Match) -> str:
    return OPTIONAL.format(lines="\n".join(f"    {line}" for line in imports[0].splitlines()))
