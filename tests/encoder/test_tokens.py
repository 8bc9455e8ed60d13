"""Texts as tokens, with and without instructions."""

import numpy as np
import pytest
import torch

from stages.encoder import Encoder, EncoderConfig
from stages.encoder.tokens import instructed, tokenize
from stages.shared.errors import UserError

INSTRUCTION = "Find the matrix"


def test_documents_stay_as_they_are_and_queries_stand_behind_their_instruction(tokenizer):
    tokens = tokenize(tokenizer, ["fit a graph", "a matrix"], 64, instructions=[INSTRUCTION, ""])
    expected = [f"Instruct: {INSTRUCTION}\nQuery: fit a graph", "a matrix"]
    assert tokens.ids == tokenizer(expected)["input_ids"]
    assert tokens.unpooled == [0, 0]
    assert "pool_mask" not in tokens.padded([0, 1])


def test_instruction_left_out_of_the_pool_ends_where_the_query_begins(tokenizer):
    tokens = tokenize(
        tokenizer, ["fit a graph", "a matrix"], 64, instructions=[INSTRUCTION, ""], pool_instructions=False
    )
    batch = tokens.padded([0, 1])
    pooled = batch["input_ids"][0][batch["pool_mask"][0].bool()]
    assert tokenizer.decode(pooled, skip_special_tokens=True).strip() == "fit a graph"
    assert torch.equal(batch["pool_mask"][1], batch["attention_mask"][1])


def test_empty_query_pools_its_last_token(tokenizer):
    tokens = tokenize(tokenizer, [""], 64, instructions=[INSTRUCTION], pool_instructions=False)
    assert tokens.padded([0])["pool_mask"].sum() == 1


def test_instruction_that_fills_the_length_is_refused(tokenizer):
    with pytest.raises(UserError, match="fills max_length=8"):
        tokenize(tokenizer, ["fit a graph"], 8, instructions=[INSTRUCTION], pool_instructions=False)


def test_padding_is_masked_and_special_tokens_survive_truncation(tokenizer, texts):
    tokens = tokenize(tokenizer, [texts[0], "a"], 12)
    batch = tokens.padded([1, 0])
    assert batch["attention_mask"].sum(dim=1).tolist() == [tokens.lengths[1], 12]
    assert batch["input_ids"][0, tokens.lengths[1] :].eq(tokenizer.pad_token_id).all()
    assert tokens.ids[0][0] == tokens.ids[1][0]
    assert tokens.ids[0][-1] == tokens.ids[1][-1]


@pytest.mark.parametrize("pooling", ["mean", "latent", "ata"])
def test_pool_of_a_query_does_not_hold_its_instruction(backbone, pooling):
    def embed(pool_instructions, instruction):
        config = EncoderConfig(pooling, "causal", instructions=True, pool_instructions=pool_instructions)
        encoder = Encoder.from_backbone(backbone, config)
        return encoder.encode(["fit a graph"], chunk_tokens=64, max_length=48, instructions=[instruction])[0]

    assert np.abs(embed(True, INSTRUCTION) - embed(False, INSTRUCTION)).max() > 1e-3
    assert np.abs(embed(False, INSTRUCTION) - embed(False, "Other")).max() > 1e-3  # it is attended to


def test_encoder_without_instructions_ignores_them(encoder_of, texts):
    encoder = encoder_of("mean", "bidirectional")
    plain = encoder.encode(texts[:3], chunk_tokens=64, max_length=48)
    told = encoder.encode(texts[:3], chunk_tokens=64, max_length=48, instructions=[INSTRUCTION] * 3)
    assert np.array_equal(plain, told)


def test_no_instruction_is_no_template():
    assert instructed("") == ""
    assert instructed("x") == "Instruct: x\nQuery: "
