from html import unescape
from html.parser import HTMLParser

import pytest

from stages.reporting import paper_tables, run_tables
from stages.reporting.anchors import anchor_table, section, verdict
from stages.reporting.page import case_studies, render
from stages.reporting.provenance import provenance
from stages.shared.files import write_text
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


@pytest.fixture
def page(results, settings, anchors, evaluated, tmp_path):
    """Renders the page of `results` as they are when it is called."""
    figure = tmp_path / "figure.svg"
    write_text(figure, '<?xml version="1.0"?><!DOCTYPE svg><svg></svg>')

    def page(samples=(), anchors=anchors):
        tables = [
            paper_tables.table1(results, settings),
            run_tables.task_scores(results),
            run_tables.intervals(results),
            run_tables.evaluated(evaluated),
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

    return page


@pytest.fixture(autouse=True)
def _in_checkout(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)


def test_the_page_is_well_formed_self_contained_and_says_that_the_local_endpoint_is_no_model(page):
    html = page()
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    assert "<script" not in html
    assert "http://" not in html
    assert "https://" not in html
    assert "<?xml" not in html
    assert "is not a language model" in " ".join(html.split())


def test_a_baseline_that_beats_us_is_said_to_on_how_many_of_the_tasks_that_it_can_do(page, results):
    results.baselines["tfidf"]["tasks"]["DocsSTS"] = 99.0
    results.baselines["bm25"]["tasks"]["DocsRetrieval"] = 99.0
    html = " ".join(page().split())
    assert "untrained backbone is ahead of the trained encoder on 0 of 6 tasks" in html
    assert "TF-IDF is ahead of the trained encoder on 1 of 6 tasks" in html
    assert "BM25 is ahead of the trained encoder on 1 of 2 tasks." in html


@pytest.mark.parametrize("baselines", [{}, {"bm25": {"types": {}, "tasks": {}, "intervals": {}}}])
def test_without_a_baseline_that_did_a_task_none_is_said_to_be_ahead(page, results, baselines):
    results.baselines.clear()
    results.baselines.update(baselines)
    assert "is ahead of the trained" not in page()


def test_the_page_has_the_intervals_and_what_was_evaluated(page, results):
    html = " ".join(page().split())
    assert '<td class="number">44.0 [43.0, 45.0]</td>' in html
    assert "python -m stages.evaluation.compare" in html
    assert "Thin lines: 95% intervals." in html
    assert "What was evaluated, with mteb 2.26.24" in html
    assert "<td>CQADupstackRetrieval</td><td>Retrieval</td><td>ndcg_at_10</td><td>3 parts</td>" in html
    results.metrics["evaluation"]["intervals"] = {}
    assert "Thin lines" not in page()


@pytest.mark.parametrize(("pooling", "said"), [("mean", True), ("latent", True), ("ata", False)])
def test_weights_that_ata_only_would_have_are_said_to_be(page, anchors, pooling, said):
    html = " ".join(page(anchors={**anchors, "pooling": pooling}).split())
    assert f"The encoder was trained with pooling <b>{pooling}</b>" in html
    assert ("is what ATA pooling would make of its attention" in html) == said
    assert html.count("<dt>ata</dt>") == 1
    assert verdict(anchors) in unescape(html)


def test_texts_and_names_are_shown_as_text_and_not_as_markup(page, results):
    results.baselines["./<b>"] = results.baselines["tfidf"]
    html = page([_sample(0, "symmetric", "if a < b & <script>alert(1)</script>")])
    assert "if a &lt; b &amp; &lt;script&gt;" in html
    assert "<script>" not in html
    assert "&lt;b&gt; is ahead of" in html
    assert "<th>&lt;b&gt;</th>" in html


def test_case_studies_are_the_first_sample_of_each_kind():
    samples = [_sample(0, "symmetric"), _sample(1, "short_long"), _sample(2, "short_long")]
    assert [sample.id for sample in case_studies(samples)] == ["s1", "s0"]


def test_provenance_names_settings_versions_revisions_and_locked_outputs(settings, evaluated, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lock = "stages: {reporting: {outs: [{path: r, md5: '9'}]}, corpus: {outs: [{path: data/corpus, md5: '1.dir'}]}}"
    write_text("dvc.lock", lock)
    found = provenance(settings, evaluated)
    assert found["Settings"]["pooling"] == settings.params.pooling
    assert found["Settings"]["ata.score"] == "log1p"
    assert "+" not in found["Packages"]["torch"]
    assert found["Task revisions"] == {
        "DocsRetrieval": "0123456789abcdef",
        "CQADupstackAndroid": "0" * 40,
        "CQADupstackEnglish": "1" * 40,
        "CQADupstackGis": "2" * 40,
    }
    assert found["Outputs in dvc.lock (md5)"] == {"data/corpus": "1.dir"}


def test_page_tells_what_was_asked_paid_accepted_rejected_and_judged(page):
    text = " ".join(page().split())
    for part in (
        "from grounded 3, retrieval 1",
        "10 prompt and 20 completion tokens, 1.50 US dollars",
        "first 2, re-ask 1 1; code_fence repaired 1",
        "invalid_json 1</td>",
        "near duplicates 25.00%",
        "with the levels of 2 samples, rank correlation 0.75",
    ):
        assert part in text
