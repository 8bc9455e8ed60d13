"""What the local endpoint writes from a document."""

import random
from dataclasses import replace

import pytest

from stages.llm.local.writer import CorpusWriter, paraphrase, spoken_name
from stages.shared.records import KINDS, LEVELS
from stages.shared.text import seed_text


@pytest.fixture(scope="module")
def writer(documents):
    return CorpusWriter(documents)


def sample(writer, kind, document):
    return writer.sample(kind, f"Write.\n<<<\n{seed_text(document)}\n>>>", random.Random(0))


@pytest.mark.parametrize("kind", KINDS)
def test_sample_has_a_query_a_positive_and_four_levels_of_different_texts(writer, documents, kind):
    for document in documents:
        answer = sample(writer, kind, document)
        negatives = [row["text"] for row in answer["hard_negative_examples"]]
        assert [row["similarity_level"] for row in answer["hard_negative_examples"]] == list(LEVELS)
        assert answer["query"] != answer["positive_example"]
        assert answer["positive_example"] not in negatives
        assert all(text.strip() for text in [answer["query"], answer["positive_example"], *negatives])


@pytest.mark.parametrize(
    ("kind", "query", "positive"),
    [
        ("short_long", lambda row: row.summary, lambda row: row.body),
        ("long_short", lambda row: row.body, lambda row: row.summary),
        ("short_short", spoken_name, lambda row: row.summary),
        ("symmetric", lambda row: row.summary, paraphrase),
    ],
)
def test_kind_decides_which_texts_of_the_seed_are_query_and_positive(writer, documents, kind, query, positive):
    seed = documents[0]
    answer = sample(writer, kind, seed)
    assert (answer["query"], answer["positive_example"]) == (query(seed), positive(seed))


def test_long_long_splits_the_body_after_a_sentence(writer, documents):
    answer = sample(writer, "long_long", documents[0])
    assert f"{answer['query']} {answer['positive_example']}" == documents[0].body
    assert answer["query"].endswith(".")


@pytest.mark.parametrize("prompt", ["<<<\nno text of the corpus\n>>>", "<<<\n\n>>>", "<<<\nnever closed"])
def test_prompt_that_quotes_another_text_than_the_corpus_has_is_refused(writer, prompt):
    with pytest.raises(LookupError):
        writer.sample("short_long", prompt, random.Random(0))


def test_prompt_that_quotes_no_text_is_answered_from_a_document_that_its_generator_draws(writer, documents):
    queries = [writer.sample("short_long", "Write.", random.Random(number))["query"] for number in range(200)]
    assert set(queries) == {document.summary for document in documents}
    assert queries[7] == writer.sample("short_long", "Write.", random.Random(7))["query"]


@pytest.mark.parametrize(
    ("group", "name", "spoken"),
    [
        ("sklearn.cluster", "KMeans.fit", "cluster k means fit"),
        ("torch.nn", "LSTMCell", "nn lstm cell"),
        ("numpy", "array_equal", "array equal"),
        ("pairs", "", "pairs"),
    ],
)
def test_name_is_spoken_in_plain_words(documents, group, name, spoken):
    assert spoken_name(replace(documents[0], group=group, name=name)) == spoken


@pytest.mark.parametrize("summary", ["Return the mean.", "Nothing to rewrite", "all of it"])
def test_paraphrase_is_another_text(documents, summary):
    document = replace(documents[0], summary=summary)
    assert paraphrase(document) != summary
    assert paraphrase(document)[0].isupper()
