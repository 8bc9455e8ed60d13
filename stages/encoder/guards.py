"""What must hold before hours are spent: an encoder that attends, cuts and pools as its settings say.

Every one of these failures is silent: the loss falls all the same, and scores come out. Shapes: B rows, N tokens, D
hidden size.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from ata_pooling.models import forward
from torch import Tensor
from torch.nn.functional import pad
from transformers import PreTrainedTokenizerBase

from stages.encoder.encoder import Encoder
from stages.shared.errors import UserError

TEXTS, TOKENS, PADDING = 3, 16, 5  # of a probe: how many texts, how long they may be, how much padding they get
WORD = "text "  # what a text for the tokenizer alone is made of
TOLERANCE = {torch.float64: 1e-4, torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}
"""Difference of two embeddings of one text, over their length, that rounding explains."""
CHANGE = {torch.float64: 1e-5, torch.float32: 1e-5, torch.float16: 2e-4, torch.bfloat16: 1e-3}
"""The same of two states or texts computed by the same kernels in the same places: there rounding is equal too."""

Rows = list[list[int]]


def check_encoder(encoder: Encoder, texts: list[str], *, max_length: int, precision: str = "no") -> None:
    """Try `encoder` on some of `texts`: a dozen passes of a few tokens. Weights, modes and gradients stay as they are.

    Args:
        texts: some of those that it will read.
        max_length: tokens at which they will be cut.
        precision: "no" for the weights' own, "bf16" for autocast.

    Raises:
        UserError: if a text gives no token, truncation loses a special token or does not cut, an embedding is not
            finite, attention does not have the direction of `encoder.config.attention`, or an embedding depends on
            anything but its text, or not on that.
    """
    rows = _probes(encoder, texts, max_length)
    _check_truncation(encoder.tokenizer, max_length)
    dtype = torch.bfloat16 if precision == "bf16" else encoder.model.dtype
    autocast = torch.autocast(encoder.device.type, torch.bfloat16, enabled=precision == "bf16")
    with _evaluating(encoder), torch.no_grad(), autocast:
        alone = torch.cat([_embed(encoder, [row]) for row in rows])
        if not alone.isfinite().all():
            raise UserError(
                "embeddings: the model gives numbers that are not finite",
                next="check the backbone's files: its weights may be damaged, or too large for their number type",
            )
        _check_attention(encoder, rows, CHANGE[dtype])
        _check_embeddings(encoder, rows, alone, dtype)


def _probes(encoder: Encoder, texts: list[str], max_length: int) -> Rows:
    """The tokens of a few texts, all different, the shortest and the longest among them."""
    options = {"truncation": True, "max_length": min(TOKENS, max_length), "return_attention_mask": False}
    rows: Rows = encoder.tokenizer(texts, **options)["input_ids"] if texts else []
    if [] in rows:
        raise UserError(
            f"tokens: the text {texts[rows.index([])]!r} gives no token, so there is nothing to pool",
            next="leave such texts out of the data, or choose a backbone whose tokenizer adds a special token",
        )
    different = sorted(map(list, dict.fromkeys(map(tuple, rows))), key=len)
    if len(different) < 2 or len(_ordinary(encoder, different[-1:])) < 2:
        raise UserError(
            f"tokens: of {len(texts)} texts, no two differ where they are read, or none has two tokens",
            next="look at the data, and whether the tokenizer is the backbone's own",
        )
    last = len(different) - 1
    return [different[number * last // (TEXTS - 1)] for number in range(TEXTS)] if last >= TEXTS else different


def _ordinary(encoder: Encoder, rows: Rows) -> list[int]:
    """All tokens but the special ones, each once."""
    special = set(encoder.tokenizer.all_special_ids)
    return [token for token in dict.fromkeys(chain(*rows)) if token not in special]


def _check_truncation(tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
    """The special tokens around a short text are there too around one that is cut at `max_length`."""
    special = set(tokenizer.all_special_ids)
    whole, cut = tokenizer([WORD, WORD * max_length], truncation=True, max_length=max_length)["input_ids"]
    if len(cut) > max_length:
        raise UserError(
            f"tokens: a text that should be cut at {max_length} tokens has {len(cut)}",
            next="choose a backbone whose tokenizer truncates",
        )
    for place, step in (("begins", 1), ("ends", -1)):
        wanted, found = (_leading(ids[::step], special)[::step] for ids in (whole, cut))
        if wanted != found:
            names = [" ".join(tokenizer.convert_ids_to_tokens(ids)) or "none" for ids in (wanted, found)]
            raise UserError(
                f"tokens: a short text {place} with the special tokens {names[0]}, one that is cut at {max_length} "
                f"tokens with {names[1]}",
                next="choose a backbone whose tokenizer's post-processor adds them: it makes room before it cuts",
            )


def _leading(ids: list[int], special: set[int]) -> list[int]:
    return ids[: next((place for place, token in enumerate(ids) if token not in special), len(ids))]


def _check_attention(encoder: Encoder, rows: Rows, least: float) -> None:
    """With other tokens from the middle on, the states before it change if, and only if, attention looks ahead."""
    tokens = _ordinary(encoder, rows)[:TOKENS]
    first, later = tokens[: len(tokens) // 2], tokens[len(tokens) // 2 :]  # next to each other: within any window
    changed = (first * 2)[: len(later)]
    wanted = encoder.config.attention == "bidirectional"
    for side in (None, "right", "left"):  # without padding most kernels take another path
        inputs = _batch(encoder, [first + later, first + changed], side)
        states, _ = forward(encoder.model, **inputs)
        start = PADDING if side == "left" else 0
        before, after = states[:, start : start + len(first)].float()
        change = _difference(after, before)
        if (change > least) != wanted:
            with_padding = f"with padding on the {side}" if side else "without padding"
            raise UserError(
                f"attention: {encoder.config.attention} is asked for, but {with_padding} the states of "
                f"{len(first)} tokens change by {change:.1e} of their length with the tokens behind them",
                next="set runtime.attn_implementation: sdpa in the profile, or choose another backbone: code of its "
                "own may fix the direction",
            )


def _check_embeddings(encoder: Encoder, rows: Rows, alone: Tensor, dtype: torch.dtype) -> None:
    """Embeddings are equal, but for rounding, in every company and with every padding, and differ between texts."""
    together = _embed(encoder, rows)
    found = {
        "padding on the right": torch.cat([_embed(encoder, [row], "right") for row in rows]),
        "padding on the left": torch.cat([_embed(encoder, [row], "left") for row in rows]),
        "the size of its batch": together,
        "the order of its batch": _embed(encoder, rows[::-1]).flip(0),
    }
    for what, embeddings in found.items():
        difference = _difference(embeddings, alone)
        if not difference <= TOLERANCE[dtype]:
            raise UserError(
                f"embeddings: that of a text changes by {difference:.1e} of its length with {what}; rounding explains "
                f"{TOLERANCE[dtype]:.0e}",
                next="set runtime.attn_implementation: sdpa in the profile, or choose another backbone: its attention "
                "or its pooling does not leave padding or other texts out",
            )
    if _difference(together[1:], together[:1]) <= CHANGE[dtype]:
        raise UserError(
            f"embeddings: {len(rows)} different texts have the same one",
            next="choose another pooling or backbone: this one's embedding does not depend on the text",
        )


def _embed(encoder: Encoder, rows: Rows, side: str | None = None) -> Tensor:
    return encoder(**_batch(encoder, rows, side)).float()


def _batch(encoder: Encoder, rows: Rows, side: str | None = None) -> dict[str, Tensor]:
    """`rows` as a batch (B, N), as long as the longest; with `side` there is more padding there."""
    length = max(map(len, rows))
    ids, mask = [], []
    for row in rows:
        missing = length - len(row)
        fill = {"left": (missing + PADDING, 0), "right": (0, missing + PADDING), None: (0, missing)}[side]
        ids.append(pad(torch.tensor(row), fill, value=encoder.tokenizer.pad_token_id))
        mask.append(pad(torch.ones(len(row), dtype=torch.long), fill))
    tensors = {"input_ids": torch.stack(ids), "attention_mask": torch.stack(mask)}
    return {name: tensor.to(encoder.device) for name, tensor in tensors.items()}


def _difference(found: Tensor, expected: Tensor) -> float:
    """The largest distance of a vector to the expected one, over that one's length: (..., D) each."""
    return float(((found - expected).norm(dim=-1) / expected.norm(dim=-1).clamp(min=1e-30)).max())


@contextmanager
def _evaluating(encoder: Encoder) -> Iterator[None]:
    """Without dropout; every module's mode is put back."""
    modes = {module: module.training for module in encoder.modules()}
    encoder.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
