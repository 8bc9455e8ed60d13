"""Both sides in both precisions, in turn, and their measures as rows and ratios."""

import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benching.csv_rows import quantiles

from stages.training_bench.processes import measured
from stages.training_bench.results import Options
from stages.training_bench.rows import Row
from stages.training_bench.work import PRECISIONS, Work

CLIENTS = ("ours", "peer")
ROUNDS, QUICK_ROUNDS = 3, 1
NAMES = {"ours": "ours", "peer": "sentence-transformers"}

Kind = tuple[str, str]  # client and precision
PEER: Kind = ("peer", "fp32")
KINDS: tuple[Kind, ...] = tuple((client, precision) for precision in PRECISIONS for client in CLIENTS)


def take(task: str, work: Work, options: Options) -> dict[Kind, list[dict]]:
    """What each kind of run said, in each round; every other round goes backwards, against what drifts."""
    rounds, said = QUICK_ROUNDS if options.quick else ROUNDS, {kind: [] for kind in KINDS}
    for number in range(rounds):
        for client, precision in KINDS if number % 2 == 0 else KINDS[::-1]:
            options.step(f"{task}: {NAMES[client]} in {precision}, round {number + 1} of {rounds}")
            own = replace(work, precision=precision, embeddings=embeddings_path(work, client, precision))
            said[client, precision].append(measured(client, task, own))
    return said


def embeddings_path(work: Work, client: str, precision: str) -> str:
    """Where a run writes its embeddings, beside the texts; nowhere if there are none."""
    return str(Path(work.texts).with_name(f"{client}-{precision}.npy")) if work.texts else ""


class Measures:
    """One case's values, by kind of run and measure, one of each round."""

    def __init__(self, case: str, workload: str, options: Options, said: dict[Kind, list[dict]]):
        self._fields = options.provenance | {"case": case, "workload": workload}
        self._said = said
        self.rows: list[Row] = []

    def values(self, kind: Kind, value: Callable[[dict], float]) -> list[float]:
        return [value(said) for said in self._said[kind]]

    def ratio(self, kind: Kind, other: Kind, value: Callable[[dict], float]) -> float:
        """Median over the rounds of one kind's value over the other's."""
        pairs = zip(self.values(kind, value), self.values(other, value), strict=True)
        return statistics.median(one / two for one, two in pairs)

    def add(self, kind: Kind, measure: str, value: Callable[[dict], float], *, compared: bool = True) -> Row:
        """The row of one measure, which is also kept."""
        ratios = {}
        if compared:
            names = {"to_peer": PEER, "to_peer_bf16": ("peer", "bf16")}
            ratios = {name: self.ratio(kind, other, value) for name, other in names.items()}
        client, precision = kind
        given = {"client": client, "precision": precision, "measure": measure}
        self.rows.append(Row(**self._fields, **given, **quantiles(self.values(kind, value)), **ratios))
        return self.rows[-1]
