"""What a reader sees of a token's weight."""

import re

import pytest
from ata_pooling import shading
from ata_pooling.shading import TokenWeights, shade, split

TEXT = TokenWeights(
    tokens=("<s>", " The", " cat", "", "\n", "<b>", "</s>"),
    special=(True, False, False, False, False, False, True),
    weights={
        "mean": (1 / 7,) * 7,
        "last": (0.0,) * 6 + (1.0,),
        "ata": (0.5, 0.2, 0.1, 0.05, 0.05, 0.05, 0.05),
    },
)


def test_weights_are_multiples_of_an_even_share():
    assert TEXT.multiples("mean") == pytest.approx([1] * 7)
    assert TEXT.multiples("ata")[:3] == pytest.approx([3.5, 1.4, 0.7])


@pytest.mark.parametrize(("multiple", "expected"), [(0, -1), (0.1, -1), (0.5, -1), (1, 0), (2, 1), (50, 1)])
def test_shade_is_none_for_an_even_share_and_full_for_twice_and_half_of_it(multiple, expected):
    assert shade(multiple) == expected


def test_twice_as_much_is_as_strong_a_shade_as_half_as_much():
    assert shade(1.3) == pytest.approx(-shade(1 / 1.3))
    assert 0 < shade(1.1) < shade(1.3) < 1


@pytest.mark.parametrize(
    ("token", "space", "drawn"),
    [
        (" cat", " ", "cat"),
        ("cat", "", "cat"),
        (" ", "", "␣"),
        ("  ", "", "␣␣"),
        ("\n\t", "", "↵⇥"),
        ("", "", "‥"),
        ("\x1b[2J", "", "<U+001B>[2J"),
        ("\u200b", "", "<U+200B>"),
    ],
)
def test_every_token_draws_something_and_no_control_character(token, space, drawn):
    assert split(token) == (space, drawn)
    assert drawn.isprintable()


def test_fragment_has_a_line_for_each_pooling_a_title_for_each_token_and_texts_as_text():
    fragment = shading.html_figure(TEXT)
    assert re.findall("<dt>(.*?)</dt>", fragment) == ["mean", "last", "ata"]
    assert fragment.count("title=") == 3 * 7
    assert "&lt;b&gt;" in fragment
    assert "<b>" not in fragment
    assert 'title="The: 1.40 of an even share, weight 0.2"' in fragment


def test_title_cannot_be_left_with_a_quote():
    text = TokenWeights(('"onload=x', "'"), (False, False), {"mean": (0.5, 0.5)})
    assert 'title="&quot;onload=x:' in shading.html_figure(text)
    assert 'title="&#x27;:' in shading.html_figure(text)


def test_fragment_tells_no_weight_less_even_and_more_apart():
    lines = dict(re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", shading.html_figure(TEXT)))
    assert "more" not in lines["mean"]
    assert "less" not in lines["mean"]
    assert lines["last"].count('class="none') == 6
    assert 'class="more special" style="--s:1"' in lines["last"]
    assert [lines["ata"].count(f'class="{name}') for name in ("more", "less", "none")] == [2, 5, 0]


def test_page_asks_nobody_for_anything_and_follows_the_readers_light_and_dark():
    page = shading.html_page([TEXT, TEXT], "a & b")
    assert "<title>a &amp; b</title>" in page
    assert page.count("<dt>ata</dt>") == 2
    assert "prefers-color-scheme: dark" in page
    assert not re.search("<script|<link|<img|https?://|url\\(", page)


def plain(drawn):
    return re.sub("\x1b\\[[0-9;]*m", "", drawn)


def test_coloured_lines_without_their_colours_are_the_text():
    assert plain(shading.colour_lines(TEXT, 80)).splitlines()[2] == "ata  <s> The cat‥↵<b></s>"


def test_coloured_lines_end_without_colour_and_fit_the_terminal():
    words = (*(f" word{number}" for number in range(40)), " 漢字")
    text = TokenWeights(words, (False,) * 41, {"mean": (1 / 41,) * 41, "ata": (1 / 41,) * 41})
    drawn = shading.colour_lines(text, 30)
    assert all(len(line) <= 30 for line in plain(drawn).splitlines())
    assert all(line.endswith("\x1b[0m") for line in drawn.splitlines())
    assert plain(drawn).split().count("word39") == 2


def test_a_terminal_narrower_than_a_token_still_gets_every_token():
    assert plain(shading.colour_lines(TEXT, 3)).count("cat") == 3


def test_table_is_readable_without_colour():
    lines = shading.plain_table(TEXT).splitlines()
    assert lines[0].split()[:4] == ["token", "mean", "last", "ata"]
    assert lines[2].split()[:4] == ["·The", "1.00", "0.00", "1.40"]
    assert [line.count("█") for line in lines[1:4]] == [35, 14, 7]
    assert len(lines) == 1 + 7
    assert "\x1b" not in "".join(lines)


def test_bars_of_the_table_end_at_four_even_shares():
    text = TokenWeights(tuple("abcdefgh"), (False,) * 8, {"ata": (1.0,) + (0.0,) * 7})
    assert shading.plain_table(text).splitlines()[1].endswith("█" * 40 + "…")


def test_heaviest_tokens_come_first_and_ties_in_the_order_of_the_text():
    lines = shading.heaviest(TEXT, 4).splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["3.50x", "<s>"],
        ["1.40x", "The"],
        ["0.70x", "cat"],
        ["0.35x", "‥"],
    ]
    assert len(shading.heaviest(TEXT, 99).splitlines()) == 1 + 7
