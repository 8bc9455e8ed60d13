"""The pipeline's stages. Run one as `python -m stages.<stage>`; `dvc repro` runs them in order."""

import importlib.util
import sys

# A stage started by a Python that lacks the project's packages would otherwise end in a traceback about pydantic.
if importlib.util.find_spec("pydantic") is None:
    sys.exit(
        f"error: the project's packages are not installed in {sys.executable}.\n"
        "  next: run `make setup`, then `. .venv/bin/activate` (or use `make repro`, which does both)."
    )
