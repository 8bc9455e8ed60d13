"""Texts as tokens, with and without instructions."""

import numpy as np
import pytest
from tokenizers import Tokenizer, processors
from transformers import PreTrainedTokenizerFast

from stages.encoder import Encoder, EncoderConfig
from stages.encoder.tokens import append_eos, instructed, tokenize
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
    # Special tokens in front are left out of documents too, or they would be pooled on one side alone.
    document = batch["input_ids"][1][batch["pool_mask"][1].bool()]
    assert document.tolist() == tokenizer("a matrix")["input_ids"][1:]


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


@pytest.fixture
def without_ends(tokenizer):
    """`without_ends(post_processor)`: a copy of the tokenizer that adds no token at the end."""

    def copied(post_processor):
        backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        backend.post_processor = post_processor
        names = {name: getattr(tokenizer, name) for name in ("bos_token", "eos_token", "pad_token")}
        return PreTrainedTokenizerFast(tokenizer_object=backend, **names)

    return copied


def begins_with(tokenizer):
    token = tokenizer.bos_token or tokenizer.eos_token
    number = tokenizer.convert_tokens_to_ids(token)
    return processors.TemplateProcessing(single=f"{token} $A", pair=f"{token} $A $B", special_tokens=[(token, number)])


@pytest.mark.parametrize("in_front", [False, True])
def test_end_of_sequence_ends_whole_and_cut_texts_and_is_saved(without_ends, tokenizer, texts, tmp_path, in_front):
    bare = without_ends(begins_with(tokenizer) if in_front else processors.ByteLevel(trim_offsets=False))
    before = bare("a matrix")["input_ids"]
    assert before[-1] != bare.eos_token_id
    append_eos(bare)
    bare.save_pretrained(tmp_path)
    for ended in (bare, PreTrainedTokenizerFast.from_pretrained(tmp_path)):
        assert ended("a matrix")["input_ids"] == [*before, bare.eos_token_id]
        cut = tokenize(ended, [texts[0]], 8).ids[0]
        assert (len(cut), cut[-1]) == (8, bare.eos_token_id)


def test_tokenizer_that_ends_texts_already_stays_as_it_is(tokenizer):
    before = tokenizer("a matrix")["input_ids"]
    append_eos(tokenizer)
    assert tokenizer("a matrix")["input_ids"] == before


def test_tokenizer_without_such_a_token_is_told(without_ends):
    bare = without_ends(processors.ByteLevel(trim_offsets=False))
    bare.eos_token = None
    with pytest.raises(UserError, match="append_eos: the tokenizer has not an end-of-sequence token"):
        append_eos(bare)
