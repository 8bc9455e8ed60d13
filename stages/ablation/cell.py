"""Run a stage with some settings changed, in a folder of its own.

    python -m stages.ablation.cell data/cells/NAME training curriculum=n1 seed=1 training.curve_every=40

The folder is made a view of the repository: all that the stage reads is linked into it, params.yaml and the profile are
written with the changes, and what the stage writes stays there. So a cell is the stage itself, and one without changes
gives the pipeline's own bytes.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from stages.ablation.settings import write_settings
from stages.shared.errors import UserError
from stages.shared.launch import CONFIGS
from stages.shared.settings import PARAMS_FILE, PROFILES_FOLDER

DATA, CELLS = Path("data"), Path("data/cells")
MADE = {"training": ("encoder", "curve"), "evaluation": ("evaluation",)}
"""The stages that can be run, and what each makes in data."""
NOT_LINKED = {"data", "reports", "checkpoints", "partial", PROFILES_FOLDER, PARAMS_FILE}
FOLDERS = ("MGH_CHECKPOINTS", "MGH_PARTIAL")  # that may be relative to the repository


def make_view(folder: Path, stage: str, changes: list[str]) -> None:
    """Make `folder` a view of the repository, the working directory, or renew it, without what the stage made there.

    Raises UserError for settings that are not allowed, a folder elsewhere, and a repository without data.
    """
    if not folder.resolve().is_relative_to(CELLS.resolve()) or folder.resolve() == CELLS.resolve():
        raise UserError(f"given {folder}, must be a folder in {CELLS}")
    if not DATA.exists():
        raise UserError(f"there is no {DATA} to read", next="run `dvc repro` first")
    write_settings(Path(), folder, changes)
    made = {name for names in MADE.values() for name in names}
    for path in Path().iterdir():
        if path.name not in NOT_LINKED and not path.name.startswith((".", "dvc")):
            _link(folder / path, path)
    for path in DATA.iterdir():
        if path.name not in {CELLS.name, "ablation", *made}:
            _link(folder / path, path)
    _link(folder / CONFIGS, CONFIGS)
    for name in MADE[stage]:
        shutil.rmtree(folder / DATA / name, ignore_errors=True)  # as DVC does with a stage's own outputs


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    # Relative, so that a repository that is moved or copied does not look into the one that it was.
    link.symlink_to(os.path.relpath(target, link.parent))


def main() -> None:
    """Run the command line: this process becomes the stage's, so that Ctrl-C and SIGTERM are the stage's own."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.ablation.cell",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("stage", choices=MADE)
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE", help="of params.yaml or the profile")
    given = parser.parse_args()
    try:
        make_view(given.folder, given.stage, given.changes)
    except UserError as error:
        sys.exit(f"error: ablation: {error}")
    folders = {name: str(Path(os.environ[name]).resolve()) for name in FOLDERS if name in os.environ}
    os.chdir(given.folder)
    command = [sys.executable, "-m", f"stages.{given.stage}"]
    os.execve(command[0], command, os.environ | folders)


if __name__ == "__main__":
    main()
