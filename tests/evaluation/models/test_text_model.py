"""A function from texts to embeddings behind mteb's interface."""

import mteb
import numpy as np
import pytest
from mteb.models import EncoderProtocol
from mteb.types import PromptType

from stages.evaluation.models.embed import Embedded
from stages.evaluation.models.meta import model_meta
from stages.evaluation.models.text_model import TextModel
from stages.shared.errors import UserError

META = model_meta("test", revision="0", embed_dim=2, framework=[])
SCIFACT = mteb.get_task("SciFact").metadata
STS = mteb.get_task("STS12").metadata


@pytest.fixture
def seen():
    """Every call of the embedding function."""
    return []


@pytest.fixture
def embed(seen):
    def embed(texts, instruction):
        seen.append((texts, instruction))
        vectors = np.array([[len(text), sum(map(ord, text))] for text in texts], dtype=np.float32)
        return Embedded(vectors, np.array([len(text) > 4 for text in texts], dtype=bool))

    return embed


def encode(model, texts, metadata=SCIFACT, prompt_type=None):
    half = len(texts) // 2
    batches = [{"text": texts[:half]}, {"text": texts[half:]}]
    return model.encode(batches, task_metadata=metadata, hf_split="test", hf_subset="default", prompt_type=prompt_type)


def test_equal_texts_of_a_call_are_embedded_once_and_come_back_in_every_place(embed, seen):
    model = TextModel(embed, META)
    assert isinstance(model, EncoderProtocol)
    found = encode(model, ["b", "a", "b", "longer", "a"])
    assert seen == [(["b", "a", "longer"], "")]
    assert np.array_equal(found, embed(["b", "a", "b", "longer", "a"], "").embeddings)
    assert model.counts() == {"texts": 3, "cut": 1}


def test_documents_get_no_instruction_and_queries_that_of_the_task(embed, seen):
    model = TextModel(embed, META, instructions={})
    for prompt_type in (PromptType.query, PromptType.document):
        encode(model, ["a", "b"], prompt_type=prompt_type)
    encode(model, ["a", "b"], STS)
    assert [instruction for _, instruction in seen] == [
        SCIFACT.prompt["query"],
        "",
        mteb.get_task("STS12").abstask_prompt,
    ]


def test_profile_overrides_an_instruction_by_task_before_one_by_type(embed, seen):
    model = TextModel(embed, META, instructions={"SciFact": "by task", "Retrieval": "by type"})
    encode(model, ["a", "b"], prompt_type=PromptType.query)
    encode(model, ["a", "b"], mteb.get_task("NFCorpus").metadata, prompt_type=PromptType.query)
    encode(model, ["a", "b"], prompt_type=PromptType.document)
    assert [instruction for _, instruction in seen] == ["by task", "by type", ""]


def test_model_without_instructions_never_gets_one(embed, seen):
    encode(TextModel(embed, META), ["a", "b"], prompt_type=PromptType.query)
    assert seen == [(["a", "b"], "")]


def test_remembered_texts_are_not_embedded_again_but_counted(embed, seen):
    model = TextModel(embed, META)
    model.remember(["a", "longer", "a"])
    model.remember(["a", "longer"])
    assert seen == [(["a", "longer"], "")]
    found = encode(model, ["longer", "a", "longer"], prompt_type=PromptType.document)
    assert np.array_equal(found, embed(["longer", "a", "longer"], "").embeddings)
    assert len(seen) == 2
    assert model.counts() == {"texts": 2, "cut": 1}
    model.start_counting()
    assert model.counts() == {"texts": 0, "cut": 0}


def test_instruction_makes_a_remembered_text_another_one(embed, seen):
    model = TextModel(embed, META, instructions={})
    model.remember(["a", "b"])
    encode(model, ["a", "b"], prompt_type=PromptType.query)
    encode(model, ["a", "b"], prompt_type=PromptType.document)
    assert [instruction for _, instruction in seen] == ["", SCIFACT.prompt["query"]]


def test_embedding_that_is_not_finite_is_refused_with_its_text(embed):
    def broken(texts, instruction):
        embedded = embed(texts, instruction)
        embedded.embeddings[1, 0] = np.nan
        return embedded

    with pytest.raises(UserError, match="1 of 3 texts, first: 'second'"):
        encode(TextModel(broken, META), ["first", "second", "third"])


def test_one_embedding_for_all_texts_is_refused(embed):
    def constant(texts, instruction):
        return embed(["same"] * len(texts), instruction)

    with pytest.raises(UserError, match="gives 9 different texts the same embedding"):
        encode(TextModel(constant, META), [f"text {number}" for number in range(9)])
    encode(TextModel(constant, META), ["?", "!"])  # two texts may well be the same to a small model
    encode(TextModel(constant, META, learned=False), [f"text {number}" for number in range(9)])


def test_no_text_is_no_embedding():
    def nothing(texts, _):
        return Embedded(np.empty((len(texts), 0), dtype=np.float32), np.empty(len(texts), dtype=bool))

    assert len(encode(TextModel(nothing, META), [])) == 0
