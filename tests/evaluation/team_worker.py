"""One of the processes of a team: `team_worker.py <folder>`."""

import json
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from stages.evaluation import shards
from stages.evaluation.models.embed import Embedded
from stages.evaluation.shards import Shards
from stages.evaluation.team import Team
from stages.shared.errors import UserError
from stages.shared.settings import load_settings

TEXTS = [f"text {number}" for number in range(10)]


def main(folder: Path) -> None:
    shards.ROWS = 2
    rank = int(os.environ.get("RANK", "0"))

    def load(name, _):
        if name == "broken" and rank == 1:
            raise UserError("process 1 has no model", next="nothing")

        def embed(texts, instruction):
            if instruction == "fail" and rank == 1:
                raise UserError("process 1 cannot", next="nothing")
            if instruction == "crash" and rank == 1:
                raise ZeroDivisionError
            if not instruction:
                (folder / f"{rank}-{texts[0]}").touch()
            return Embedded(np.array([[float(text[5:]) ** 0.5] for text in texts]), np.zeros(len(texts), dtype=bool))

        return embed

    team = Team(load_settings().profile.runtime, load)
    if not team.first:
        team.serve()
        return
    found = {"load": told(lambda: team.load("broken"))}
    team.load("model")
    embed = Shards(folder / "shards", "model", "fp32", team.make)
    found["error"] = told(lambda: embed(TEXTS, "fail"))
    found["unforeseen"] = told(lambda: embed(TEXTS, "crash"))
    found["embeddings"] = embed(TEXTS, "").embeddings.tolist()
    found["by"] = Counter(path.name.partition("-")[0] for path in folder.glob("*-text*"))
    team.dismiss()
    (folder / "found.json").write_text(json.dumps(found))


def told(act) -> str:
    try:
        act()
    except UserError as error:
        return str(error)
    return "no error"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
