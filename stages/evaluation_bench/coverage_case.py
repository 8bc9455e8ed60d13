"""How often a 95% interval of a paired difference holds the true one, over simulated pairs of systems."""

from benching.table import Result

from stages.evaluation_bench.covered import NAMES
from stages.evaluation_bench.results import Options, Recorder, scratch
from stages.evaluation_bench.work import said

PAIRS, QUICK_PAIRS = 500, 5
RESAMPLES = 2_000  # as the reports have them


def run(options: Options) -> Result:
    """Raises WrongResult if a simulation fails."""
    pairs, done = QUICK_PAIRS if options.quick else PAIRS, {}
    with scratch() as folder:
        options.step(f"coverage: {len(NAMES)} shapes of scores, {pairs} pairs of systems each")
        for shape in said("covered", folder, pairs=pairs, resamples=RESAMPLES)["shapes"]:
            done[shape.pop("name")] = shape
    return result(options, pairs, done)


def result(options: Options, pairs: int, done: dict[str, dict]) -> Result:
    """Of what covered.simulate says, by shape."""
    what = f"{pairs} simulated pairs of systems, {RESAMPLES:,} resamples"
    recorder = Recorder(options, "coverage", what)
    table = [("scores", "coverage", "true difference", "width of interval")]
    shares = {name: one["held"] / pairs for name, one in done.items()}
    for name, one in done.items():
        recorder.add(f"coverage, {name}", shares[name])
        table.append((name, f"{shares[name]:.3f}", f"{one['truth']:.4f}", f"{one['width']:.4f}"))
    error = 1.96 * (0.05 * 0.95 / pairs) ** 0.5
    notes = [
        "share of the pairs whose 95% interval holds the true difference, which is known by construction",
        f"with {pairs} pairs a true 0.950 is seen within {error:.3f} of it, nineteen times in twenty",
    ]
    figures = {"coverage_low": min(shares.values()), "coverage_high": max(shares.values())}
    return Result(f"coverage: {what}", notes, table, recorder.rows, figures)
