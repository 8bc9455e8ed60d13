import csv
import io

from stages.reporting.tables import Table, latex, markdown, to_csv

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


def test_write_makes_one_file_for_each_format(tmp_path):
    TABLE.write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.csv", "scores.md", "scores.tex"]
