"""The section on what each pooling looks at: shaded texts, a table by kind of token, and what both say of the paper."""

from ata_pooling.shading import STYLE, TokenWeights, html_figure, html_legend

from stages.reporting.tables import Table

ANCHORS = ("first word", "punctuation", "last token")
"""What the paper says that ATA finds."""

CLEARLY = 1.25  # multiples of an even share from which we say that a kind of token weighs more
EVEN = 1.5  # a mean heaviest token below this many even shares makes ATA close to mean pooling


def anchor_table(found: dict) -> Table:
    """The shares that the evaluation measured, and their ratio: 1 where ATA is no different from mean pooling."""
    rows = [
        [kind, 100 * row["tokens"], 100 * row["ata"], _ratio(row), 100 * row["heaviest"]]
        for kind, row in found["kinds"].items()
    ]
    return Table(
        name="anchors",
        caption=f"What share of ATA's weight falls on which tokens, mean over {found['texts']} held-out texts. Mean "
        "pooling gives each kind its share of the tokens, ratio 1. Punctuation has neither a letter nor a digit.",
        columns=["kind of token", "% of tokens", "% of ATA's weight", "ratio", "% of texts where it is heaviest"],
        groups=[(f"This run: {found['attention']} attention, score {found['score']}", rows)],
        digits=2,
    )


def section(found: dict) -> dict:
    """What the page's template draws, beside the table: finished HTML, and sentences that follow the figures."""
    texts = [
        {
            "name": row["document"],
            "figure": html_figure(TokenWeights(tuple(row["tokens"]), tuple(row["special"]), row["weights"])),
        }
        for row in found["figures"]
    ]
    return {
        "style": STYLE,
        "legend": html_legend(),
        "texts": texts,
        "of": found["texts"],
        "length": found["length"],
        "pooling": found["pooling"],
        "verdict": verdict(found),
    }


def verdict(found: dict) -> str:
    """Whether the paper's anchors weigh more here, in words that depend on nothing but the figures."""
    if not found["texts"]:
        return "There was no held-out text to look at."
    ratios = {kind: _ratio(row) for kind, row in found["kinds"].items()}
    anchors = {kind: ratios[kind] for kind in ANCHORS if kind in ratios}
    heavy = [kind for kind, ratio in anchors.items() if ratio >= CLEARLY]
    light = [kind for kind in anchors if kind not in heavy]
    much = f"at least {CLEARLY:g} times an even share"
    if not heavy:
        said = (
            f"None of the paper's anchors ({_listed(light)}) gets {much}: this model does not show the paper's claim."
        )
    elif light:
        said = f"Of the paper's anchors, {much} goes to: {_listed(heavy)}. Less goes to: {_listed(light)}."
    else:
        said = f"All of the paper's anchors ({_listed(heavy)}) get {much}, as the paper claims."
    most = max(ratios, key=ratios.__getitem__)
    said += f" Of all kinds, most weight per token goes to: {most}, {ratios[most]:.2f} times an even share."
    said += (
        f" A text's heaviest token gets {found['heaviest']:.2f} times an even share on average, its lightest "
        f"{found['lightest']:.2f} times"
    )
    return said + (": ATA is close to mean pooling here." if found["heaviest"] < EVEN else ".")


def _ratio(row: dict[str, float]) -> float:
    return row["ata"] / row["tokens"]


def _listed(kinds: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
