"""Texts as tokens, not padded until they are put into chunks of like length. Shapes: B rows, N tokens."""

from dataclasses import dataclass

import torch
from tokenizers import processors
from torch import Tensor
from transformers import BatchEncoding, PreTrainedTokenizerBase

from stages.shared.errors import UserError


def instructed(instruction: str) -> str:
    """What stands before a query that has an instruction (the template of E5-mistral, arXiv 2401.00368)."""
    return f"Instruct: {instruction}\nQuery: " if instruction else ""


@dataclass(frozen=True)
class Tokens:
    """The tokens of some texts, special ones included."""

    ids: list[list[int]]
    unpooled: list[int]  # how many of each text's first tokens are attended to but left out of the pool
    pad_token: int
    cut: list[bool]  # whether a text was longer than it may be

    @property
    def lengths(self) -> list[int]:
        return [len(row) for row in self.ids]

    def padded(self, rows: list[int] | None = None) -> dict[str, Tensor]:
        """`input_ids`, `attention_mask` and, where instructions stay out of the pool, `pool_mask`, all (B, N).

        `rows` are the texts that are taken, all by default.
        """
        rows = range(len(self.ids)) if rows is None else rows
        length = max(len(self.ids[row]) for row in rows)
        fill = [length - len(self.ids[row]) for row in rows]
        ids = [self.ids[row] + [self.pad_token] * missing for row, missing in zip(rows, fill, strict=True)]
        mask = torch.tensor([[1] * (length - missing) + [0] * missing for missing in fill])
        batch = {"input_ids": torch.tensor(ids), "attention_mask": mask}
        if any(self.unpooled):
            first = torch.tensor([self.unpooled[row] for row in rows])[:, None]
            batch["pool_mask"] = mask * (torch.arange(length) >= first)
        return batch


def append_eos(tokenizer: PreTrainedTokenizerBase) -> None:
    """Let the end-of-sequence token end every text, cut ones too; a tokenizer that does so already stays as it is.

    Decoders' tokenizers seldom add one. This one is saved with the tokenizer, which needs no code for it then.

    Raises UserError for a tokenizer that has no such token, or no fast version.
    """
    token, backend = tokenizer.eos_token, getattr(tokenizer, "backend_tokenizer", None)
    if token is None or backend is None:
        lacking = "an end-of-sequence token" if token is None else "a fast version"
        raise UserError(
            f"backbone.append_eos: the tokenizer has not {lacking}", next="set it to false, or choose another backbone"
        )
    if tokenizer("a")["input_ids"][-1:] == [tokenizer.eos_token_id]:
        return
    ending = processors.TemplateProcessing(
        single=f"$A {token}", pair=f"$A $B {token}", special_tokens=[(token, tokenizer.eos_token_id)]
    )
    before = backend.post_processor
    backend.post_processor = processors.Sequence([before, ending]) if before else ending


def tokenize(
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    max_length: int,
    *,
    instructions: list[str] | None = None,
    pool_instructions: bool = True,
) -> Tokens:
    """The tokens of `texts`, one to `max_length` each; special tokens survive truncation.

    Args:
        instructions: one for each text, "" for a document.
        pool_instructions: False leaves all tokens that end before the text itself begins out of the pool: the
            instruction, and of queries and documents alike the special tokens in front.

    Raises:
        UserError: if an instruction fills `max_length`.
    """
    prefixes = [instructed(instruction) for instruction in instructions] if instructions else [""] * len(texts)
    apart = not pool_instructions and instructions is not None
    full = [prefix + text for prefix, text in zip(prefixes, texts, strict=True)]
    options = {"truncation": True, "max_length": max_length, "return_attention_mask": False}
    encoded = tokenizer(full, return_offsets_mapping=apart, **options)
    unpooled = [0] * len(texts)
    if apart:
        spans = zip(encoded["offset_mapping"], map(len, prefixes), strict=True)
        unpooled = [_before(offsets, start) for offsets, start in spans]
        for row, length in enumerate(map(len, encoded["input_ids"])):
            if unpooled[row] >= length and prefixes[row] and texts[row]:
                raise UserError(
                    f"the instruction {instructions[row][:60]!r} fills max_length={max_length}: no token of the query "
                    "is left to pool",
                    next="raise training.max_length (and evaluation.max_length), or shorten the instruction",
                )
            unpooled[row] = max(0, min(unpooled[row], length - 1))
    # A tokenizer without special tokens gives none for an empty text, which has an embedding all the same.
    ids = [row or [tokenizer.pad_token_id] for row in encoded["input_ids"]]
    return Tokens(ids, unpooled, tokenizer.pad_token_id, _cut(encoded, max_length))


def _cut(encoded: BatchEncoding, max_length: int) -> list[bool]:
    """Which texts did not fit; a tokenizer without a fast version names those too that just did."""
    if encoded.encodings is None:
        return [len(row) >= max_length for row in encoded["input_ids"]]
    return [bool(encoding.overflowing) for encoding in encoded.encodings]


def _before(offsets: list[tuple[int, int]], start: int) -> int:
    """How many leading tokens end at or before character `start`; special tokens in front have the span (0, 0)."""
    for position, (_, end) in enumerate(offsets):
        if end > start:
            return position
    return len(offsets)
