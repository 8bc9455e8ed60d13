"""What ATA pooling looks at in the trained encoder: each token's weight in a few texts, and sums over more of them.

The paper (section on ATA) says that anchor tokens weigh more: the first word, punctuation, the last template token.
"""

from ata_pooling.shading import TokenWeights
from ata_pooling.token_weights import token_weights

from stages.encoder import Encoder
from stages.shared.records import Document

TEXTS = 200
FIGURES, TOKENS = 3, 45  # texts shown, and the length that they are nearest to

KINDS = ("start of template", "first word", "punctuation", "last token", "other")


def look(encoder: Encoder, documents: list[Document], *, max_length: int) -> dict:
    """What the report's section on pooling draws, from the bodies of at most `TEXTS` of `documents`.

    Documents are taken in the order of their ids, which are hashes: nobody picked them. Whatever pooling the encoder
    was trained with, ATA's weights are those that its attention gives.
    """
    chosen = sorted((row for row in documents if row.body.strip()), key=lambda row: row.id)[:TEXTS]
    texts = token_weights(
        encoder.model,
        encoder.tokenizer,
        [row.body for row in chosen],
        score=encoder.config.ata_score,
        max_length=max_length,
    )
    shown = sorted(zip(chosen, texts, strict=True), key=lambda pair: abs(len(pair[1].tokens) - TOKENS))[:FIGURES]
    return {
        "pooling": encoder.config.pooling,
        "attention": encoder.config.attention,
        "score": encoder.config.ata_score,
        "length": TOKENS,
        "figures": [
            {
                "document": ":".join(filter(None, (row.group, row.name))),
                "tokens": text.tokens,
                "special": text.special,
                "weights": text.weights,
            }
            for row, text in shown
        ],
        "texts": len(texts),
        "kinds": shares(texts),
        "heaviest": _mean([max(text.multiples("ata")) for text in texts]),
        "lightest": _mean([min(text.multiples("ata")) for text in texts]),
    }


def shares(texts: list[TokenWeights]) -> dict[str, dict[str, float]]:
    """For each kind of token that occurs: its share of the tokens and of ATA's weight, both means over texts, and the
    share of texts whose heaviest token is of that kind.
    """
    rows: dict[str, dict[str, list[float]]] = {kind: {"tokens": [], "ata": [], "heaviest": []} for kind in KINDS}
    for text in texts:
        kinds, ata = kinds_of(text), text.weights["ata"]
        heaviest = kinds[max(range(len(ata)), key=ata.__getitem__)]
        for kind, row in rows.items():
            row["tokens"].append(kinds.count(kind) / len(kinds))
            row["ata"].append(sum(weight for weight, own in zip(ata, kinds, strict=True) if own == kind))
            row["heaviest"].append(float(heaviest == kind))
    means = {kind: {name: _mean(values) for name, values in row.items()} for kind, row in rows.items()}
    return {kind: row for kind, row in means.items() if row["tokens"]}


def kinds_of(text: TokenWeights) -> list[str]:
    """The one kind, of `KINDS`, that each token is. Punctuation is what has neither a letter nor a digit."""
    kinds = []
    for token, special in zip(text.tokens, text.special, strict=True):
        if len(kinds) == len(text.tokens) - 1:
            kinds.append("last token")
        elif special:
            kinds.append("other" if "first word" in kinds else "start of template")
        elif "first word" not in kinds:
            kinds.append("first word")
        else:
            visible = token.strip()
            kinds.append("punctuation" if visible and not any(map(str.isalnum, visible)) else "other")
    return kinds


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
