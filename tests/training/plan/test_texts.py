"""Number and lengths of texts, from data or at worst."""

from dataclasses import replace

import pytest

from stages.shared.errors import UserError
from stages.shared.records import Document, Task, TrainingSample, write_records
from stages.shared.text import RETRIEVAL_INSTRUCTION
from stages.training.data import RETRIEVAL, SYNTHETIC
from stages.training.plan.texts import ROWS, main_texts, most_texts, retrieval_texts

pytestmark = pytest.mark.usefixtures("repository")


def row(number=0, negatives=(80, 80, 160, 160)):
    """A sample whose query has 10 tokens, its positive 20, its negatives 20 and 40, its instruction 10."""
    return TrainingSample(f"s{number}", "short_long", "i" * 40, "q" * 40, "p" * 80, ["n" * size for size in negatives])


def pair(number=0):
    """A document whose summary has 5 tokens and whose body has 15."""
    return Document(f"d{number}", "a", "function", "a.b", "c", "s" * 20, "b" * 60)


@pytest.mark.parametrize(
    ("params", "texts"),
    [
        ({}, 3),
        ({"curriculum": "n2"}, 3),
        ({"curriculum": "all"}, 6),
        ({"training_data": "retrieval"}, 2),
        ({"training_data": "retrieval", "curriculum": "all"}, 2),
        ({"training_data": "both"}, 3),
    ],
)
def test_without_data_every_text_is_as_long_as_allowed(planned, params, texts):
    settings = planned(params, batch_size=10, max_length=32)
    found = main_texts(settings)
    assert (found.count, found.length, found.squared_length, found.samples) == (10 * texts, 32, 32**2, None)
    assert "at worst: training.max_length" in found.source
    assert most_texts(settings) == 10 * texts


def test_retrieval_pairs_without_data_are_two_texts(planned):
    assert retrieval_texts(planned(batch_size=10)).count == 20


def test_lengths_are_characters_over_four_and_negatives_their_mean(planned):
    write_records(SYNTHETIC, TrainingSample, [row()])
    found = main_texts(planned(batch_size=10))
    assert (found.count, found.tokens) == (30, 10 * (10 + 20 + 30))
    assert found.squared_length * 3 == pytest.approx(10**2 + 20**2 + (20**2 + 40**2) / 2)
    assert SYNTHETIC in found.source


def test_all_negatives_at_once_count_all_four(planned):
    write_records(SYNTHETIC, TrainingSample, [row()])
    found = main_texts(planned({"curriculum": "all"}, batch_size=10))
    assert (found.count, found.tokens) == (60, 10 * (10 + 20 + 20 + 20 + 40 + 40))


def test_instruction_lengthens_the_query_alone(planned):
    write_records(SYNTHETIC, TrainingSample, [row()])
    found = main_texts(planned(batch_size=10, instructions=True))
    assert found.tokens == 10 * ((40 + 40 + len("Instruct: \nQuery: ")) / 4 + 20 + 30)


def test_longer_texts_are_cut(planned):
    write_records(SYNTHETIC, TrainingSample, [row()])
    assert main_texts(planned(batch_size=10, max_length=16)).tokens == pytest.approx(10 * (10 + 16 + 16))


def test_pairs_are_summary_and_body(planned):
    write_records(RETRIEVAL, Document, [pair()])
    found = main_texts(planned({"training_data": "retrieval"}, batch_size=10))
    assert (found.count, found.tokens, found.samples) == (20, 10 * (5 + 15), 1)
    told = retrieval_texts(planned(batch_size=10, instructions=True))
    assert told.tokens == 10 * (5 + (len(RETRIEVAL_INSTRUCTION) + len("Instruct: \nQuery: ")) / 4 + 15)


def test_both_weigh_each_file_with_all_its_rows(planned):
    write_records(SYNTHETIC, TrainingSample, [row(number) for number in range(ROWS + 500)])
    write_records(RETRIEVAL, Document, [pair(number) for number in range(500)])
    found = main_texts(planned({"training_data": "both"}, batch_size=8))
    assert found.samples == ROWS + 1000
    assert found.count == pytest.approx(8 * (0.75 * 3 + 0.25 * 2))
    assert found.tokens == pytest.approx(8 * (0.75 * 60 + 0.25 * 20))


def test_both_are_at_worst_until_both_are_there(planned):
    write_records(SYNTHETIC, TrainingSample, [row()])
    assert "at worst" in main_texts(planned({"training_data": "both"})).source


def test_samples_without_negatives_bring_two_texts(planned):
    write_records(SYNTHETIC, TrainingSample, [row(), replace(row(1), negatives=[])])
    assert main_texts(planned(batch_size=10)).count == 25


def test_number_of_samples_that_the_profile_would_not_make_is_told(planned, settings):
    write_records(SYNTHETIC, TrainingSample, [row()])
    assert f"this one asks for {settings.profile.prompts.samples:,} samples" in main_texts(planned()).doubt


def test_empty_file_is_as_good_as_none(planned):
    write_records(SYNTHETIC, TrainingSample, [])
    assert "at worst" in main_texts(planned()).source


def test_file_of_other_rows_is_refused(planned):
    write_records(SYNTHETIC, Task, [Task("1", "symmetric", "x")])
    with pytest.raises(UserError, match="missing column"):
        main_texts(planned())
