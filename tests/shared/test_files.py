"""Content ids and small text outputs."""

from stages.shared.files import content_id, read_json, write_csv, write_json, write_text


def test_content_id_is_pinned_and_tells_parts_apart():
    assert content_id("a", "b") == "f04cdced9736a69d"
    assert len({content_id("a", "b"), content_id("ab"), content_id("a", "b", ""), content_id("b", "a")}) == 4


def test_json_is_indented_in_given_order_with_six_decimals_and_plain_unicode(tmp_path):
    path = tmp_path / "folder" / "metrics.json"
    write_json(path, {"b": 1 / 3, "a": {"n": 2, "list": [1e-7, "é"]}, "t": (0.5,)})
    assert path.read_bytes().decode() == (
        '{\n  "b": 0.333333,\n  "a": {\n    "n": 2,\n    "list": [\n      0.0,\n      "é"\n    ]\n  },\n'
        '  "t": [\n    0.5\n  ]\n}\n'
    )
    assert read_json(path) == {"b": 0.333333, "a": {"n": 2, "list": [0.0, "é"]}, "t": [0.5]}


def test_text_keeps_its_line_ends(tmp_path):
    write_text(tmp_path / "page.md", "a\nb\n")
    assert (tmp_path / "page.md").read_bytes() == b"a\nb\n"


def test_csv_has_a_header_and_unix_line_ends(tmp_path):
    write_csv(tmp_path / "table.csv", [{"model": "a, b", "score": 1.5}, {"model": "c", "score": 2}])
    assert (tmp_path / "table.csv").read_bytes() == b'model,score\n"a, b",1.5\nc,2\n'
