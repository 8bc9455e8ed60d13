"""One table for each key that was varied, with the paper's figures below ours."""

from collections.abc import Mapping
from statistics import mean

from stages.ablation.effects import Effect
from stages.reporting.tables import Cell, Estimate, Table


def effect_table(key: str, effects: Mapping[str, Effect], printed: Mapping[str, float], profile: str) -> Table:
    """`effects` by value of `key`, the default first; `printed` are the paper's scores, by value too, if it has any."""
    default = next(iter(effects))
    groups = [(f"This run: profile {profile}", [_row(value, effect) for value, effect in effects.items()])]
    if printed:
        base = printed.get(default)
        changes = {value: score - base for value, score in printed.items() if base is not None and value != default}
        rows = [[value, None, score, None, changes.get(value), None, None] for value, score in printed.items()]
        groups.append(("As printed in the paper", rows))
    return Table(
        name=key.replace(".", "_"),
        caption=f"Mean score over tasks by {key}, in points. Differences from {default} have 95% bootstrap intervals "
        "over samples, averaged over seeds, and p is corrected for how many there are. Neither covers the spread over "
        "seeds, which has columns of its own.",
        columns=[key, "seeds", "score", "score by seed", "difference", "difference by seed", "p"],
        groups=groups,
        digits=2,
    )


def _row(value: str, effect: Effect) -> list[Cell]:
    scores, differences = effect.scores.values(), effect.differences.values()
    difference = Estimate(mean(differences), *(effect.interval or ())) if differences else None
    of_seeds = _span(scores), _span(differences)
    return [value, str(len(scores)), mean(scores), of_seeds[0], difference, of_seeds[1], _p_value(effect.p_value)]


def _span(values) -> str | None:
    """From the lowest to the highest of several seeds."""
    return f"{min(values):.2f} to {max(values):.2f}" if len(values) > 1 else None


def _p_value(value: float | None) -> str | None:
    if value is None:
        return None
    return f"{value:.3f}" if value >= 0.001 else "<0.001"
