"""A text's tokens, as text, and the weight that mean, last-token and ATA pooling give to each."""

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ata_pooling.models import forward
from ata_pooling.operator import Score
from ata_pooling.shading import TokenWeights

SPACES = " Ġ▁"  # a space in the vocabularies of byte-level and of SentencePiece tokenizers


@torch.inference_mode()
def token_weights(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    *,
    score: Score = "log1p",
    max_length: int = 512,
    batch_size: int = 32,
) -> list[TokenWeights]:
    """The tokens and weights of `texts`, in their order, at most `max_length` tokens each.

    `model` has gone through `keep_last_attention`, which says whether its attention is causal. ATA's weights come from
    this model's last layer, whatever pooling it was trained with; those of mean and last need no model.

    Raises:
        ValueError: for a text without a visible character, and for a `max_length` that leaves no room for text.
        UnsupportedModel: if the model does not hand its last layer's query and key to transformers.
    """
    for number, text in enumerate(texts, 1):
        if not text.strip():
            raise ValueError(f"text {number} of {len(texts)} is empty; give one with at least one visible character")
    added = tokenizer.num_special_tokens_to_add()
    if max_length <= added:
        raise ValueError(
            f"max_length: given {max_length}; the tokenizer adds {added} tokens, allowed: {added + 1} or more"
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.eval()
    pieces = [_pieces(tokenizer, text, max_length) for text in texts]
    order = sorted(range(len(texts)), key=lambda index: len(pieces[index][0]))  # like lengths together: less padding
    found: dict[int, TokenWeights] = {}
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        rows = _ata_weights(model, tokenizer, [texts[index] for index in chosen], score, max_length)
        for index, ata in zip(chosen, rows, strict=True):
            count = len(ata)
            even, last = (1 / count,) * count, (0.0,) * (count - 1) + (1.0,)
            found[index] = TokenWeights(*pieces[index], {"mean": even, "last": last, "ata": tuple(ata)})
    return [found[index] for index in range(len(texts))]


def _ata_weights(model, tokenizer, texts: list[str], score: Score, max_length: int) -> list[list[float]]:
    batch = tokenizer(texts, truncation=True, max_length=max_length, padding=True, return_tensors="pt").to(model.device)
    mask = batch["attention_mask"]
    states, last = forward(model, batch["input_ids"], mask)
    weights: Tensor = last.pool(states, attention_mask=mask, score=score, return_weights=True)[1]  # (B, N)
    return [row[real.bool()].tolist() for row, real in zip(weights, mask, strict=True)]


def _pieces(tokenizer, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    """The text of each token, and whether the tokenizer has added it.

    Of the tokens that share a character, as bytes of it, one has the character and the others have "".
    """
    fast = tokenizer.is_fast
    row = tokenizer(
        text, truncation=True, max_length=max_length, return_special_tokens_mask=True, return_offsets_mapping=fast
    )
    ids, special = row["input_ids"], tuple(map(bool, row["special_tokens_mask"]))
    names = tokenizer.convert_ids_to_tokens(ids)
    spelled = (
        _by_offsets(text, row["offset_mapping"], special, names) if fast else _by_decoding(tokenizer, ids, special)
    )
    return tuple(name if added else piece for name, added, piece in zip(names, special, spelled, strict=True)), special


def _by_offsets(text: str, offsets: list[tuple[int, int]], special: tuple[bool, ...], names: list[str]) -> list[str]:
    """Slices of `text` from its first token on; what lies between two tokens, as a rule a space, goes to the second.

    The tokens of one character all have that character's offsets: the first gets it.
    """
    seen = min((start for (start, end), added in zip(offsets, special, strict=True) if end and not added), default=0)
    pieces = []
    for (start, end), added, name in zip(offsets, special, names, strict=True):
        covered = text[start:end]
        if not added and not name.strip(SPACES) and not covered.isspace():
            pieces.append(" ")  # which the tokenizer has put before the text, with the offsets of what follows or none
        elif not added and not covered:
            pieces.append(name)
        else:
            pieces.append(text[seen:end])
            seen = max(seen, end)
    return pieces


def _by_decoding(tokenizer, ids: list[int], special: tuple[bool, ...]) -> list[str]:
    """What each token adds to the decoded text; the last token of a character gets it."""
    pieces, so_far, shown = [], [], ""
    for token, added in zip(ids, special, strict=True):
        if not added:
            so_far.append(token)
        decoded = tokenizer.decode(so_far).rstrip("\ufffd")  # what an unfinished character decodes to
        pieces.append("" if added else decoded[len(shown) :])
        shown = decoded if len(decoded) > len(shown) else shown
    return pieces
