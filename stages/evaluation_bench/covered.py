"""How often intervals hold the true difference of simulated systems: `python -m stages.evaluation_bench.covered`."""

from stages.evaluation_bench.work import serve
from stages.shared.seeds import derive_seed
from stages.shared.settings import Settings

NAMES = (
    "ranking, n=300",
    "ranking, n=50",
    "accuracy, n=1000",
    "spearman, n=1500",
    "average precision, n=1000",
    "10 clusterings",
    "average of five tasks",
)


def run(settings: Settings, *, pairs: int, resamples: int) -> dict:  # noqa: ARG001
    """What `simulate` finds of all shapes, with their names."""
    return {"shapes": [{"name": name} | simulate(name, pairs, resamples) for name in NAMES]}


def simulate(name: str, pairs: int, resamples: int) -> dict:
    """Of `pairs` simulated pairs of systems those whose interval holds the true difference; the mean width of one."""
    import numpy as np

    tasks = shapes_of(name)
    truth, held, widths = np.mean([task.truth for task in tasks]), 0, []
    for number in range(pairs):
        generator = np.random.default_rng(derive_seed(0, "coverage", name, number))
        low, high = interval(tasks, generator, f"{name} {number}", resamples)
        held += low <= truth <= high
        widths.append(high - low)
    return {"held": int(held), "width": float(np.mean(widths)), "truth": float(truth)}


def shapes_of(name: str) -> list:
    """The tasks of one of NAMES: one, or several that are averaged."""
    from stages.evaluation_bench import shapes

    return {
        "ranking, n=300": [shapes.ranking(300)],
        "ranking, n=50": [shapes.ranking(50)],
        "accuracy, n=1000": [shapes.accuracy(1000)],
        "spearman, n=1500": [shapes.similarity(1500)],
        "average precision, n=1000": [shapes.pairs(1000)],
        "10 clusterings": [shapes.clusterings()],
        "average of five tasks": [
            shapes.ranking(50),
            shapes.accuracy(200),
            shapes.similarity(300),
            shapes.pairs(200),
            shapes.clusterings(),
        ],
    }[name]


def interval(tasks: list, generator, name: str, resamples: int) -> tuple[float, float]:
    """Of the difference of one simulated pair, over all `tasks`; the draws follow from `name`."""
    from stages.evaluation.statistics import average, difference, estimate_strata
    from stages.evaluation_bench.shapes import STRATUM

    found = []
    for place, task in enumerate(tasks):
        systems = task.draw(generator, f"{name} {place}")
        found.append(difference(*(estimate_strata(rows, resamples)[STRATUM] for rows in systems)))
    return average(found).interval()


if __name__ == "__main__":
    serve(run, torch=False)
