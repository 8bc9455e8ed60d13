"""How a text's pooling weights are drawn: one scale, as HTML, as shaded terminal lines, and as a table without colour.

A weight is drawn as a multiple of the even share, 1/K of the text's K tokens, on one logarithmic scale for all of the
poolings: an even share is not shaded, more is warm, less is cool, and both are full at 2 and at 1/2. A token without
any weight is faint.
"""

import math
import unicodedata
from dataclasses import dataclass
from html import escape

SATURATES = 2.0  # multiples of an even share
LEGEND = (("½× or less", 0.5), ("0.7×", 0.7), ("1×", 1.0), ("1.4×", 1.4), ("2× or more", 2.0))
SYMBOLS = {"\n": "↵", "\r": "↵", "\t": "⇥", " ": "␣"}
CONTINUED = "‥"  # a token that ends a character which an earlier token began

PAPER, INK, FAINT = (28, 25, 23), (250, 250, 249), (140, 133, 128)  # the terminal's own colours cannot be known
WARM, COOL = (194, 65, 12), (29, 78, 216)
BAR, LONGEST = 10, 4.0  # columns for an even share, and the multiple of one at which bars end

STYLE = """
.weights { --warm: 249 115 22; --cool: 96 165 250; line-height: 1.7; }
.weights dl { display: grid; grid-template-columns: 3.5rem 1fr; margin: .3rem 0; }
.weights dt { font-weight: 600; }
.weights dd { margin: 0 0 .35rem; overflow-wrap: anywhere; }
.weights span { border-radius: .2em; padding: .1em .07em; }
.weights .more { background: rgb(var(--warm) / var(--s)); }
.weights .less { background: rgb(var(--cool) / var(--s)); }
.weights .none, .weights i { opacity: .4; font-style: normal; }
.weights .special { font: .8em ui-monospace, monospace; }
.weights .legend { font-size: .85rem; }
"""
"""CSS of `html_figure`, which a page puts into its style element once."""

DARK_STYLE = "@media (prefers-color-scheme: dark) { .weights { --warm: 194 65 12; --cool: 29 78 216; } }\n"
"""For a page that is dark where the reader's screen is."""


@dataclass(frozen=True, slots=True)
class TokenWeights:
    """A text's K tokens and each pooling's weights, which sum to 1."""

    tokens: tuple[str, ...]  # the text's own tokens, joined, are the text without white space around it
    special: tuple[bool, ...]  # tokens that the tokenizer has added, by their name
    weights: dict[str, tuple[float, ...]]  # of "mean", "last" and "ata"

    def multiples(self, pooling: str) -> list[float]:
        """The weights as multiples of an even share."""
        return [weight * len(self.tokens) for weight in self.weights[pooling]]


def shade(multiple: float) -> float:
    """-1 (half an even share, or less) over 0 (an even share) to 1 (twice that, or more)."""
    if multiple <= 0:
        return -1.0
    return min(1.0, max(-1.0, math.log(multiple, SATURATES)))


def split(token: str) -> tuple[str, str]:
    """White space before a token, drawn as itself, and what is drawn of the token: nothing in that is invisible."""
    if token in (" ", ""):
        return "", SYMBOLS[" "] if token else CONTINUED
    space, rest = (" ", token[1:]) if token.startswith(" ") else ("", token)
    if rest.strip(" ") == "":
        return "", SYMBOLS[" "] * len(token)
    return space, "".join(_visible(character) for character in rest)


def html_figure(text: TokenWeights) -> str:
    """A text's lines, one for each pooling, as an HTML fragment that needs `STYLE`. A token's title is its weight."""
    rows = []
    for pooling, weights in text.weights.items():
        spans = map(_span, text.tokens, text.special, text.multiples(pooling), weights)
        rows.append(f"<dt>{escape(pooling)}</dt><dd>{''.join(spans)}</dd>\n")
    return f'<div class="weights"><dl>\n{"".join(rows)}</dl></div>\n'


def html_legend() -> str:
    """What the shades of `html_figure` mean."""
    swatches = " ".join(f"<span{_shading(multiple)}>{name}</span>" for name, multiple in LEGEND)
    return (
        f'<div class="weights"><div class="legend">weight as a multiple of an even share, 1/K of K tokens: {swatches} '
        '<span class="none">no weight</span></div></div>\n'
    )


def html_page(texts: list[TokenWeights], title: str) -> str:
    """A page of its own, dark where the reader's screen is, without a script or a request to anywhere."""
    figures = "".join(f"<p>{len(text.tokens)} tokens</p>\n{html_figure(text)}" for text in texts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n"
        ":root { color-scheme: light dark; }\n"
        "body { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem; font: 16px/1.5 system-ui, sans-serif; }\n"
        "h1 { font-size: 1.3rem; } p { opacity: .7; font-size: .9rem; margin: 1.5rem 0 0; }\n"
        f"{STYLE}{DARK_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{html_legend()}{figures}</body>\n</html>\n"
    )


def colour_lines(text: TokenWeights, width: int) -> str:
    """A text's lines, one for each pooling, wrapped to `width` columns, with 24-bit ANSI colours."""
    margin = 1 + max(map(len, text.weights))
    lines = []
    for pooling in text.weights:
        drawn, column = f"{pooling:{margin}}", margin
        for token, multiple in zip(text.tokens, text.multiples(pooling), strict=True):
            space, piece = split(token)
            if column > margin and column + _columns(space + piece) > width:
                drawn, space, column = f"{drawn}\n{'':{margin}}", "", margin
            ink = INK if multiple > 0 else FAINT
            drawn += (_painted(space, INK, PAPER) if space else "") + _painted(piece, ink, _background(multiple))
            column += _columns(space + piece)
        lines.append(f"{drawn}\n")
    return "".join(lines)


def colour_legend() -> str:
    """What the shades of `colour_lines` mean."""
    swatches = " ".join(_painted(f" {name} ", INK, _background(multiple)) for name, multiple in LEGEND)
    return f"weight as a multiple of an even share 1/K: {swatches} {_painted(' none ', FAINT, PAPER)}"


def plain_table(text: TokenWeights) -> str:
    """A line for each token: its weights as multiples of an even share, and a bar for the last pooling, `ata`."""
    pieces = [("·" if space else "") + piece for space, piece in map(split, text.tokens)]
    width = max(5, *map(_columns, pieces))
    columns = {pooling: text.multiples(pooling) for pooling in text.weights}
    last = list(columns)[-1]
    mark = f"{'┆':>{BAR + 1}} 1/K"
    lines = [_padded("token", width) + "".join(f"{name:>7}" for name in columns) + f"  {mark}"]
    for row, piece in enumerate(pieces):
        numbers = "".join(f"{values[row]:7.2f}" for values in columns.values())
        lines.append(f"{_padded(piece, width)}{numbers}  {_bar(columns[last][row])}")
    return "\n".join(lines) + "\n"


def heaviest(text: TokenWeights, count: int, pooling: str = "ata") -> str:
    """A line for each of the `count` heaviest tokens: place, multiple of an even share, token."""
    multiples = text.multiples(pooling)
    order = sorted(range(len(multiples)), key=lambda place: -multiples[place])[:count]
    rows = [f"  {multiples[place]:6.2f}x  {split(text.tokens[place])[1]}  (token {place + 1})" for place in order]
    return f"heaviest for {pooling}, of {len(multiples)} tokens:\n" + "".join(f"{row}\n" for row in rows)


def _span(token: str, special: bool, multiple: float, weight: float) -> str:
    space, piece = split(token)
    shown = "".join(f"<i>{mark}</i>" if mark in _MARKS else escape(mark) for mark in piece)
    title = f"{escape(piece, quote=True)}: {multiple:.2f} of an even share, weight {weight:.4g}"
    return f'{space}<span{_shading(multiple, "special" if special else "")} title="{title}">{shown}</span>'


def _shading(multiple: float, also: str = "") -> str:
    """Attributes of a token's span."""
    strength = round(shade(multiple), 2)
    name = "none" if multiple <= 0 else "more" if strength > 0 else "less" if strength < 0 else ""
    classes = " ".join(filter(None, (name, also)))
    style = f' style="--s:{abs(strength):g}"' if name in ("more", "less") else ""
    return (f' class="{classes}"' if classes else "") + style


def _background(multiple: float) -> tuple[int, ...]:
    if multiple <= 0:
        return PAPER
    strength = shade(multiple)
    full = WARM if strength > 0 else COOL
    return tuple(round(base + abs(strength) * (end - base)) for base, end in zip(PAPER, full, strict=True))


def _painted(text: str, ink: tuple[int, ...], paper: tuple[int, ...]) -> str:
    return f"\x1b[38;2;{';'.join(map(str, ink))};48;2;{';'.join(map(str, paper))}m{text}\x1b[0m"


def _bar(multiple: float) -> str:
    """A bar to the nearest column, with a tick where an even share ends."""
    length = round(BAR * min(multiple, LONGEST))
    bar = "█" * length + ("…" if multiple > LONGEST else "")
    return bar if length > BAR else bar.ljust(BAR) + "┆"


_MARKS = frozenset((*SYMBOLS.values(), CONTINUED))


def _visible(character: str) -> str:
    """A character that draws something and moves no cursor: texts may hold escape sequences."""
    if character in SYMBOLS and character != " ":
        return SYMBOLS[character]
    return character if character.isprintable() else f"<U+{ord(character):04X}>"


def _columns(text: str) -> int:
    """Terminal columns: wide characters take two, combining ones none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))
