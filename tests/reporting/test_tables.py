import csv
import io

from stages.reporting.tables import Estimate, Table, latex, markdown, to_csv

TABLE = Table(
    name="scores",
    caption="Scores & more",
    columns=["model", "STS", "Summ."],
    groups=[("This run: 50%", [["a_b", 12.3456, None]]), ("Paper", [["x", 1.0, 2.0]])],
)


def test_markdown_shows_groups_apart_rounded_and_missing_values_as_a_dash():
    lines = markdown(TABLE).splitlines()
    assert lines[0] == "Scores & more"
    assert "**This run: 50%**" in lines
    assert "| a_b | 12.3 | – |" in lines
    assert "| x | 1.0 | 2.0 |" in lines
    assert lines.index("**This run: 50%**") < lines.index("**Paper**")


def test_latex_escapes_what_latex_would_misread_and_aligns_numbers_right():
    text = latex(TABLE)
    assert r"\caption{Scores \& more}" in text
    assert r"\begin{tabular}{lrr}" in text
    assert r"\multicolumn{3}{l}{\emph{This run: 50\%}}" in text
    assert r"a\_b & 12.3 & -- \\" in text
    assert text.count(r"\midrule") == 2


def test_csv_keeps_full_precision_and_names_the_origin_of_each_row():
    rows = list(csv.DictReader(io.StringIO(to_csv(TABLE))))
    assert rows[0] == {"origin": "This run: 50%", "model": "a_b", "STS": "12.3456", "Summ.": ""}
    assert rows[1]["origin"] == "Paper"


ESTIMATES = Table(
    name="estimates",
    caption="",
    columns=["score", "a", "b"],
    groups=[
        ("One", [["x", Estimate(30.24, 29.06, 31.3), None]]),
        ("Two", [["y", Estimate(1.0), Estimate(2.0, 1.5, 2.5)], ["z", None, 3.0]]),
    ],
)


def test_an_estimate_is_one_cell_to_read_aligned_like_a_number():
    assert "| x | 30.2 [29.1, 31.3] | – |" in markdown(ESTIMATES)
    assert "| y | 1.0 | 2.0 [1.5, 2.5] |" in markdown(ESTIMATES)
    assert "| :-- | --: | --: |" in markdown(ESTIMATES)
    assert r"x & 30.2 [29.1, 31.3] & -- \\" in latex(ESTIMATES)
    assert r"\begin{tabular}{lrr}" in latex(ESTIMATES)


def test_an_estimate_is_three_columns_in_csv_whichever_of_its_numbers_are_there():
    assert to_csv(ESTIMATES).splitlines() == [
        "origin,score,a,a low,a high,b,b low,b high",
        "One,x,30.24,29.06,31.3,,,",
        "Two,y,1.0,,,2.0,1.5,2.5",
        "Two,z,,,,3.0,,",
    ]


def test_names_that_users_choose_break_neither_markdown_nor_latex():
    table = Table(name="t", caption="", columns=["model", "a|b"], groups=[("", [["~/x^2$<{}\\", 1.0]])])
    assert r"| model | a\|b |" in markdown(table)
    assert r"\textasciitilde{}/x\textasciicircum{}2\$$<$\{\}\textbackslash{} & 1.0" in latex(table)


def test_write_makes_one_file_for_each_format(tmp_path):
    TABLE.write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.csv", "scores.md", "scores.tex"]
