"""Forms of a text that several stages must agree on."""

import pytest

from stages.shared.text import normalised, seed_text


@pytest.mark.parametrize("text", ["Fit the Model.", "  fit -- the\nmodel!", "FIT, THE MODEL"])
def test_case_spaces_and_punctuation_do_not_tell_texts_apart(text):
    assert normalised(text) == "fit the model"


def test_other_words_tell_texts_apart():
    assert normalised("Fit the model") != normalised("Fit a model")


def test_seed_text_is_summary_blank_line_body(documents):
    assert seed_text(documents[0]) == f"{documents[0].summary}\n\n{documents[0].body}"
