"""From markup to plain sentences."""

import pytest

from stages.corpus.cleaning import cut, split

SUMMARY = "Compute the mean along an axis."
BODY = "The arithmetic mean is the sum of the elements along the axis divided by their number, as usual."


@pytest.fixture
def corpus(settings):
    return settings.profile.corpus


def body_of(text, corpus):
    return split(f"{SUMMARY}\n\n{text}", corpus)[1]


def test_first_paragraph_is_the_summary_and_the_rest_the_body(corpus):
    assert split(f"Compute the mean\nalong an axis.\n\n{BODY}", corpus) == (SUMMARY, BODY)


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("see :func:`~numpy.mean` here", "see numpy.mean here"),
        ("see :class:`the mean <numpy.mean>` here", "see the mean here"),
        ("see `the guide <https://example.org/a>`_ here", "see the guide here"),
        ("see [the guide](https://example.org/a) here", "see the guide here"),
        ("with ``axis`` and **all** of `it`", "with axis and all of it"),
        ("as shown [1]_ and [Knuth]_ there", "as shown and there"),
        ("read https://example.org/page first", "read first"),
        ("for example::", "for example"),
    ],
)
def test_markup_leaves_its_words_only(corpus, markup, plain):
    assert body_of(f"{BODY} And {markup}", corpus) == f"{BODY} And {plain}"


@pytest.mark.parametrize(
    "block",
    [
        ">>> np.mean([1, 2])\n1.5",
        "```python\nmean = compute()\n```",
        "Parameters\n----------",
        "Notes:",
        ".. versionadded:: 1.8",
    ],
)
def test_code_headings_and_directives_leave_nothing(corpus, block):
    assert body_of(f"{BODY}\n\n{block}\n\nThe end.", corpus) == f"{BODY} The end."


@pytest.mark.parametrize("heading", ["References", "See Also", "Examples:", "Methods"])
def test_body_ends_at_the_first_appendix(corpus, heading):
    assert body_of(f"{BODY}\n\n{heading}\n{'-' * len(heading)}\nnot this", corpus) == BODY


@pytest.mark.parametrize(
    "text",
    [
        SUMMARY,
        f"Mean.\n\n{BODY}",
        f"{SUMMARY}\n\nToo few words.",
        f"{'Compute the mean. ' * 20}\n\n{BODY}",
        f"{SUMMARY}\n\n{'| 1.0 | 2.0 | 3.0 ' * 10}",
        "",
    ],
)
def test_too_short_too_long_or_no_prose_gives_no_document(corpus, text):
    assert split(text, corpus) is None


def test_long_body_is_cut_after_a_word(corpus):
    body = body_of(" ".join([BODY] * 20), corpus)
    assert corpus.max_body_characters - 20 < len(body) <= corpus.max_body_characters
    assert " ".join([BODY] * 20).startswith(f"{body} ")


@pytest.mark.parametrize(
    ("characters", "expected"), [(13, "one two three"), (12, "one two"), (7, "one two"), (4, "one")]
)
def test_cut_keeps_whole_words(characters, expected):
    assert cut("one two three", characters) == expected


def test_cut_leaves_no_dangling_punctuation():
    assert cut("first (second), third", 16) == "first (second)"
