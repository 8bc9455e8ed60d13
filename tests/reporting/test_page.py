from html import unescape
from html.parser import HTMLParser

import pytest

from stages.reporting import paper_tables
from stages.reporting.anchors import anchor_table, section, verdict
from stages.reporting.page import case_studies, render
from stages.reporting.provenance import provenance
from stages.shared.files import write_json, write_text
from stages.shared.records import TrainingSample

VOID = {"meta", "br", "img", "link", "use", "path"}


class Balanced(HTMLParser):
    """Fails on a closing tag that closes another element."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):  # noqa: ARG002 (the parser's signature)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def _sample(number, kind, query="a query"):
    return TrainingSample(f"s{number}", kind, "Given a, find b.", query, "positive", ["n1", "n2", "n3", "n4"])


def _page(results, settings, anchors, tmp_path, samples=()):
    figure = tmp_path / "figure.svg"
    write_text(figure, '<?xml version="1.0"?><!DOCTYPE svg><svg></svg>')
    tables = [
        paper_tables.table1(results, settings),
        paper_tables.task_scores(results),
        paper_tables.similarity(results, settings),
        anchor_table(anchors),
    ]
    return render(
        tables=tables,
        figures=dict.fromkeys(("scores", "similarity", "training"), figure),
        samples=list(samples),
        metrics=results.metrics,
        models=results.models,
        anchors=section(anchors),
        provenance={"Settings": {**{k: str(v) for k, v in settings.params.model_dump().items()}, "LLM": "local"}},
    )


@pytest.fixture(autouse=True)
def _in_checkout(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)


def test_the_page_is_well_formed_self_contained_and_says_that_the_local_endpoint_is_no_model(
    results, settings, anchors, tmp_path
):
    page = _page(results, settings, anchors, tmp_path)
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<?xml" not in page
    assert "is not a language model" in " ".join(page.split())


def test_a_baseline_that_beats_us_is_said_to(results, settings, anchors, tmp_path):
    results.baselines["tfidf"]["tasks"]["DocsSTS"] = 99.0
    page = " ".join(_page(results, settings, anchors, tmp_path).split())
    assert "untrained backbone is ahead of the trained encoder on 0 of 6 tasks" in page
    assert "TF-IDF is ahead of the trained encoder on 1 of 6 tasks" in page


@pytest.mark.parametrize(("pooling", "said"), [("mean", True), ("latent", True), ("ata", False)])
def test_weights_that_ata_only_would_have_are_said_to_be(results, settings, anchors, tmp_path, pooling, said):
    page = " ".join(_page(results, settings, {**anchors, "pooling": pooling}, tmp_path).split())
    assert f"The encoder was trained with pooling <b>{pooling}</b>" in page
    assert ("is what ATA pooling would make of its attention" in page) == said
    assert page.count("<dt>ata</dt>") == 1
    assert verdict(anchors) in unescape(page)


def test_texts_are_shown_as_text_and_not_as_markup(results, settings, anchors, tmp_path):
    page = _page(
        results, settings, anchors, tmp_path, [_sample(0, "symmetric", "if a < b & <script>alert(1)</script>")]
    )
    assert "if a &lt; b &amp; &lt;script&gt;" in page
    assert "<script>" not in page


def test_case_studies_are_the_first_sample_of_each_kind():
    samples = [_sample(0, "symmetric"), _sample(1, "short_long"), _sample(2, "short_long")]
    assert [sample.id for sample in case_studies(samples)] == ["s1", "s0"]


def test_provenance_names_settings_versions_revisions_and_locked_outputs(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_json("data/evaluation/encoder/DocsSTS.json", {"task_name": "DocsSTS", "dataset_revision": "abc"})
    write_json("data/evaluation/encoder/model_meta.json", {})
    lock = "stages: {reporting: {outs: [{path: r, md5: '9'}]}, corpus: {outs: [{path: data/corpus, md5: '1.dir'}]}}"
    write_text("dvc.lock", lock)
    found = provenance(settings)
    assert found["Settings"]["pooling"] == settings.params.pooling
    assert found["Settings"]["ata.score"] == "log1p"
    assert "+" not in found["Packages"]["torch"]
    assert found["Task revisions"] == {"DocsSTS": "abc"}
    assert found["Outputs in dvc.lock (md5)"] == {"data/corpus": "1.dir"}


def test_page_tells_what_was_asked_paid_accepted_rejected_and_judged(results, settings, anchors, tmp_path):
    text = " ".join(_page(results, settings, anchors, tmp_path).split())
    for part in (
        "from grounded 3, retrieval 1",
        "10 prompt and 20 completion tokens, 1.50 US dollars",
        "first 2, re-ask 1 1; code_fence repaired 1",
        "invalid_json 1</td>",
        "near duplicates 25.00%",
        "with the levels of 2 samples, rank correlation 0.75",
    ):
        assert part in text
