"""Compare two lock files output by output: did the pipeline give the same bytes?

python -m stages.reporting.verify COMMITTED NEW
"""

import argparse
import sys
from pathlib import Path

import yaml

from stages.shared.errors import UserError


def locked(path: str | Path) -> dict[str, dict[str, str]]:
    """Stage -> output path -> md5. Raises UserError for a file that is missing or no lock file."""
    try:
        stages = yaml.safe_load(Path(path).read_text(encoding="utf-8"))["stages"]
        return {
            name: {output["path"]: output["md5"] for output in stage.get("outs", [])} for name, stage in stages.items()
        }
    except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is not a readable dvc.lock: {error}", next="run `dvc repro` to make it") from error


def differences(committed: dict[str, dict[str, str]], new: dict[str, dict[str, str]]) -> list[tuple[str, str, str]]:
    """(stage, output, "same" | "differs" | "missing" | "new") for every output of either lock."""
    rows = []
    for stage in [*committed, *(name for name in new if name not in committed)]:
        before, after = committed.get(stage, {}), new.get(stage, {})
        for output in [*before, *(path for path in after if path not in before)]:
            if output not in after:
                state = "missing"
            elif output not in before:
                state = "new"
            else:
                state = "same" if before[output] == after[output] else "differs"
            rows.append((stage, output, state))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.reporting.verify", description=__doc__.splitlines()[0])
    parser.add_argument("committed", help="the dvc.lock that results are claimed for")
    parser.add_argument("new", help="the dvc.lock of a run from nothing")
    arguments = parser.parse_args()
    try:
        committed, new = Path(arguments.committed), Path(arguments.new)
        rows = differences(locked(committed), locked(new))
    except UserError as error:
        sys.exit(f"error: verify: {error}")
    for stage, output, state in rows:
        print(f"{'ok  ' if state == 'same' else 'FAIL'} {stage:<11} {output:<36} {state}")
    if wrong := [row for row in rows if row[2] != "same"]:
        first = next(stage for stage, _, _ in wrong)
        sys.exit(
            f"error: verify: {len(wrong)} of {len(rows)} outputs are not the committed ones, first in {first}\n"
            "  next: see whether the installed packages are those of constraints.txt (`make setup`), or, if the change "
            "is meant, run `dvc repro` and commit dvc.lock"
        )
    if committed.read_bytes() != new.read_bytes():
        sys.exit(
            "error: verify: the outputs are the same but their code or settings are not those of the committed lock\n"
            "  next: run `dvc repro` and commit dvc.lock"
        )
    print(f"verified: {len(rows)} outputs, and {committed.name} itself, are the same byte for byte")


if __name__ == "__main__":
    main()
