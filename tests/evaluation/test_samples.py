"""The rows of a task make mteb's own main score, whatever the type of the task."""

import zlib
from dataclasses import replace

import mteb
import numpy as np
import pytest
from datasets import Dataset, DatasetDict
from mteb import mocks
from mteb._evaluators.text.summarization_evaluator import DeprecatedSummarizationEvaluator
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta, ScoringFunction

from stages.evaluation.samples import check, keep_predictions, samples_of
from stages.evaluation.statistics import average, estimate_strata, score_of
from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),  # of sklearn and torch, about labels never predicted and copies
    pytest.mark.filterwarnings("ignore:.*constant:RuntimeWarning"),
]

WORDS = ("red", "green", "blue", "old", "new", "cat", "dog", "tree", "house", "river")


class Model(AbsEncoder):
    """Texts to the sum of their words' vectors, or to whatever `embed` gives; not of length one."""

    def __init__(self, embed=None, salt=0):
        self._embed, self._salt = embed, salt
        self.mteb_model_meta = ModelMeta.create_empty(
            {"name": "tests/words", "revision": "0", "similarity_fn_name": ScoringFunction.COSINE}
        )

    def encode(self, inputs, *, task_metadata, hf_split, hf_subset, prompt_type=None, **kwargs):  # noqa: ARG002
        texts = [text for batch in inputs for text in batch["text"]]
        return self._embed(texts) if self._embed else np.stack([self._vector(text) for text in texts])

    def _vector(self, text):
        seeds = [zlib.crc32(f"{word}{self._salt}".encode()) for word in text.lower().split()]
        return sum((np.random.default_rng(seed).standard_normal(6) for seed in seeds), np.full(6, 0.01))


@pytest.fixture
def evaluated(tmp_path):
    """`evaluated(task, model)`: mteb's result and the predictions."""

    def run(task, model=None):
        task.load_data()
        predictions = keep_predictions(task)
        outcome = mteb.evaluate(
            model or Model(),
            task,
            cache=None,
            prediction_folder=tmp_path,
            encode_kwargs={"batch_size": 16, "show_progress_bar": False},
            co2_tracker=False,
            show_progress_bar=False,
        )
        assert not [*tmp_path.iterdir()]
        return outcome.task_results[0], predictions

    return run


@pytest.fixture
def rows_of(evaluated):
    """`rows_of(task)`: the rows, held against mteb's score; not all samples may have the same value."""

    def rows(task, model=None):
        result, predictions = evaluated(task, model)
        found = samples_of(task, task.metadata.name, predictions, result)
        check(found, result)
        if found:
            assert average([*estimate_strata(found, 1).values()]).value == pytest.approx(result.get_score(), abs=5e-6)
        return found

    return rows


def scored_by(task, main_score):
    task.metadata = task.metadata.model_copy(update={"main_score": main_score, "eval_splits": ["test"]})
    return task


def texts(count, words=4):
    generator = np.random.default_rng(count)
    return [" ".join(generator.choice(WORDS, words)) for _ in range(count)]


def strata(rows):
    return sorted({row.stratum for row in rows})


@pytest.mark.parametrize("name", OWN_TASKS)
def test_rows_of_our_tasks_make_mtebs_score(name, held_out, oracle, rows_of):
    rows = rows_of(OWN_TASKS[name](held_out), Model(oracle))
    assert strata(rows) == ["test/default"]
    assert {row.task for row in rows} == {name}
    assert len({row.sample for row in rows}) == len(rows) >= 10


@pytest.mark.parametrize(
    "mock",
    [
        "MockMultilingualRetrievalTask",
        "MockMultilingualRerankingTask",
        "MockMultilingualClassificationTask",
        "MockMultilingualClusteringFastTask",
        "MockMultilingualPairClassificationTask",
        "MockMultilingualSTSTask",
        "MockMultilingualSummarizationTask",
        "MockMultilingualBitextMiningTask",
        "MockMultilingualParallelBitextMiningTask",
        "MockInstructionRetrieval",
    ],
)
def test_each_subset_is_a_stratum(mock, rows_of):
    task = getattr(mocks, mock)()
    expected = sorted(f"{split}/{subset}" for split in task.eval_splits for subset in task.hf_subsets)
    assert strata(rows_of(task)) == expected


@pytest.mark.parametrize("mock", ["MockMultilabelClassification", "MockRegressionTask"])
def test_main_scores_that_no_samples_make_give_no_rows(mock, rows_of):
    assert rows_of(getattr(mocks, mock)()) == []


class Search(mocks.MockRetrievalTask):
    """20 queries in pairs `<n>_0`, `<n>_1`, which stand in the corpus too; the last one has no judgments."""

    def load_data(self, num_proc=None, **kwargs):  # noqa: ARG002
        names, generator = [f"{number}_{half}" for number in range(10) for half in (0, 1)], np.random.default_rng(0)
        ids = [*names, *(f"d{number}" for number in range(20))]
        corpus = [{"id": key, "text": text, "title": ""} for key, text in zip(ids, texts(40), strict=True)]
        relevant = {name: {str(key): 1 for key in generator.choice(ids, 3)} for name in names[:-1]} | {names[-1]: {}}
        queries = [{"id": name, "text": text} for name, text in zip(names, texts(20), strict=True)]
        data = RetrievalSplitData(
            corpus=Dataset.from_list(corpus),
            queries=Dataset.from_list(queries),
            relevant_docs=relevant,
            top_ranked=None,
        )
        self.dataset, self.data_loaded = {"default": {"test": data}}, True

    def task_specific_scores(self, scores, qrels, results, hf_split, hf_subset):  # noqa: ARG002
        from mteb._evaluators.retrieval_metrics import max_over_subqueries

        return {"p-MRR": 0.5} if len(qrels) % 2 else max_over_subqueries(qrels, results, self.k_values)


RANKED = ("ndcg_at_10", "map_at_1000", "mrr_at_5", "recall_at_5", "precision_at_3", "hit_rate_at_3", "accuracy")


@pytest.mark.parametrize("metric", RANKED)
@pytest.mark.parametrize("option", ["", "ignore_identical_ids", "skip_first_result"])
def test_rows_of_retrieval_are_queries_with_judgments(metric, option, rows_of):
    task = scored_by(Search(), metric)
    setattr(task, option or "seed", True)
    rows = rows_of(task)
    assert len(rows) == 19
    assert "9_1" not in {row.sample for row in rows}
    assert len({row.scores[0] for row in rows}) > 1


def test_score_that_is_not_one_querys_gives_no_rows(rows_of):
    assert rows_of(scored_by(Search(), "p-MRR")) == []


def test_rows_over_subqueries_are_queries(rows_of):
    class Even(Search):
        def load_data(self, num_proc=None, **kwargs):
            super().load_data(num_proc, **kwargs)
            self.dataset["default"]["test"]["relevant_docs"]["9_1"] = {"d1": 1}

    rows = rows_of(scored_by(Even(), "max_over_subqueries_map_at_1000"))
    assert [row.sample for row in rows] == [str(number) for number in range(10)]


class Labels(mocks.MockClassificationTask):
    """Two labels that a text's first word suggests, 30 texts to fit on and 50 to tell."""

    def load_data(self, num_proc=None, **kwargs):  # noqa: ARG002
        splits = {name: texts(count) for name, count in (("train", 30), ("test", 50))}
        labelled = {
            name: {"text": rows, "label": [int(WORDS.index(text.split()[0]) > 4) for text in rows]}
            for name, rows in splits.items()
        }
        self.dataset = DatasetDict({name: Dataset.from_dict(columns) for name, columns in labelled.items()})
        self.data_loaded = True


def test_accuracy_has_a_row_for_each_test_sample_with_the_share_of_classifiers_that_got_it_right(rows_of):
    rows = rows_of(Labels())
    assert [row.sample for row in rows] == [str(place) for place in range(50)]
    shares = {row.scores[0] for row in rows}
    assert len(shares) > 2
    assert all(share * 10 == pytest.approx(round(share * 10)) for share in shares)


@pytest.mark.parametrize("metric", ["f1", "ap"])
def test_other_metrics_of_classification_have_a_row_for_each_classifier(metric, rows_of):
    assert len(rows_of(scored_by(Labels(), metric))) == 10


def test_cross_validation_has_a_row_for_each_fold(rows_of):
    task = Labels()
    task.is_cross_validation, task.train_split = True, "test"
    assert len(rows_of(task)) == 5


def test_hierarchical_clustering_has_a_row_for_each_clustering_and_level(rows_of):
    class Levels(mocks.MockMultilingualClusteringFastTask):
        hf_subsets = ("eng",)

        def load_data(self, num_proc=None, **kwargs):  # noqa: ARG002
            labels = [[number % 2, number % 4] for number in range(40)]
            data = {"test": Dataset.from_dict({"sentences": texts(40), "labels": labels})}
            self.dataset, self.data_loaded = dict.fromkeys(("eng", "fra"), data), True

    rows = rows_of(Levels())
    assert len(rows) == 2 * 20
    assert {row.sample for row in rows} == {f"Level {level}/{place}" for level in (0, 1) for place in range(10)}


def test_legacy_clustering_has_a_row_for_each_set(rows_of):
    class Sets(mocks.mock_tasks.clustering.MockClusteringTask):
        def load_data(self, num_proc=None, **kwargs):  # noqa: ARG002
            sets = [{"sentences": texts(20 + place), "labels": [*range(4)] * 5 + [0] * place} for place in range(3)]
            self.dataset, self.data_loaded = DatasetDict({"test": Dataset.from_list(sets)}), True

    assert [row.sample for row in rows_of(Sets())] == ["0", "1", "2"]


class Pairs(mocks.MockPairClassificationTask):
    """60 pairs, of which those with more words in common are positives; `single` puts them into one row."""

    single = False

    def load_data(self, num_proc=None, **kwargs):  # noqa: ARG002
        first, second = texts(60), texts(61)[:60]
        shared = [len(set(a.split()) & set(b.split())) for a, b in zip(first, second, strict=True)]
        columns = {"sentence1": first, "sentence2": second, "labels": [int(count > 1) for count in shared]}
        rows = {name: [column] for name, column in columns.items()} if self.single else columns
        self.dataset, self.data_loaded = DatasetDict({"test": Dataset.from_dict(rows)}), True


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("way", ["max", "cosine", "similarity", "dot", "manhattan", "euclidean"])
def test_pairs_have_all_ways_to_compare_that_count(way, single, rows_of):
    task = scored_by(Pairs(), f"{way}_ap")
    task.single = single
    rows = rows_of(task)
    assert len(rows) == 60
    assert {row.gold for row in rows} == {0.0, 1.0}
    assert {len(row.scores) for row in rows} == {5 if way == "max" else 1}


def test_pairs_scored_by_a_threshold_give_no_rows(rows_of):
    assert rows_of(scored_by(Pairs(), "max_accuracy")) == []


class Grades(mocks.MockSTSTask):
    def load_data(self, num_proc=None, **kwargs):  # noqa: ARG002
        columns = {"sentence1": texts(50), "sentence2": texts(51)[:50], "score": [place % 5 for place in range(50)]}
        self.dataset, self.data_loaded = DatasetDict({"test": Dataset.from_dict(columns)}), True


@pytest.mark.parametrize(
    "metric", ["cosine_spearman", "cosine_pearson", "spearman", "manhattan_spearman", "euclidean_pearson"]
)
def test_sts_has_gold_and_the_similarity_of_the_main_score(metric, rows_of):
    rows = rows_of(scored_by(Grades(), metric))
    assert [row.gold for row in rows] == [place % 5 for place in range(50)]
    assert {row.statistic for row in rows} == {metric.rpartition("_")[2]}


def test_score_that_is_no_number_gives_no_rows(evaluated):
    task = Grades()
    result, predictions = evaluated(task, Model(lambda given: np.ones((len(given), 3))))
    assert np.isnan(result.get_score())
    assert samples_of(task, "STS", predictions, result) == []


class Summaries(mocks.MockSummarizationTask):
    """Six texts of five summaries; the judges agree on all of the second one's."""

    min_score, max_score = 0, 4

    def load_data(self, num_proc=None, **kwargs):  # noqa: ARG002
        judged = [[place % (2 + text) for place in range(5)] for text in range(6)]
        columns = {
            "text": texts(6),
            "human_summaries": [texts(3 + place)[:2] for place in range(6)],
            "machine_summaries": [texts(20 + place, 2)[:5] for place in range(6)],
            "relevance": [[1] * 5 if text == 1 else grades for text, grades in enumerate(judged)],
        }
        self.dataset, self.data_loaded = DatasetDict({"test": Dataset.from_dict(columns)}), True


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("evaluator", [Summaries.evaluator, DeprecatedSummarizationEvaluator])
@pytest.mark.parametrize("metric", ["cosine_spearman", "dot_pearson"])
def test_text_that_mteb_leaves_out_does_not_shift_the_others(evaluator, metric, rows_of):
    task = scored_by(Summaries(), metric)
    task.evaluator = evaluator
    assert [row.sample for row in rows_of(task)] == ["0", "2", "3", "4", "5"]


@pytest.mark.parametrize("metric", ["f1", "precision", "recall", "accuracy"])
def test_bitext_rows_average_to_the_weighted_metric(metric, rows_of):
    class Sentences(mocks.MockBitextMiningTask):
        def load_data(self, num_proc=None, **kwargs):  # noqa: ARG002
            columns = {"sentence1": texts(40), "sentence2": [f"{text} red" for text in texts(40)]}
            self.dataset, self.data_loaded = DatasetDict({"test": Dataset.from_dict(columns)}), True

    rows = rows_of(scored_by(Sentences(), metric))
    assert len(rows) == 40
    assert 0 < score_of(rows) < 1


def test_bitext_gold_may_point_elsewhere(rows_of):
    class Gold(mocks.MockBitextMiningTask):
        def load_data(self, num_proc=None, **kwargs):  # noqa: ARG002
            sentences = texts(30)
            gold = [(place, 29 - place) for place in range(30)]
            data = {"sentence1": sentences, "sentence2": [f"{text} red" for text in sentences[::-1]], "gold": gold}
            self.dataset, self.data_loaded = {"test": data}, True

    assert 0.5 < score_of(rows_of(Gold())) < 1


def test_part_of_an_aggregate_has_the_aggregates_name_and_its_own_strata(evaluated):
    task = Grades()
    result, predictions = evaluated(task)
    rows = samples_of(task, "All grades", predictions, result, part="Grades")
    check(rows, result)
    assert ({row.task for row in rows}, strata(rows)) == ({"All grades"}, ["Grades/test/default"])


def test_samples_have_the_same_names_for_every_model(held_out, rows_of):
    for name in ("DocsRetrieval", "DocsClustering"):
        first, second = (rows_of(OWN_TASKS[name](held_out), Model(salt=salt)) for salt in (1, 2))
        assert [row.sample for row in first] == [row.sample for row in second]
        assert first != second


def test_data_that_were_dropped_are_loaded_again(evaluated):
    task = Grades()
    result, predictions = evaluated(task)
    task.unload_data()
    assert len(samples_of(task, "STS", predictions, result)) == 50


def test_rows_that_do_not_make_the_score_are_refused_by_the_tasks_name(evaluated):
    task = Pairs()
    result, predictions = evaluated(task)
    rows = samples_of(task, "Pairs", predictions, result)
    swapped = [replace(row, gold=1 - row.gold) for row in rows]
    for wrong in (swapped, [replace(row, stratum="dev/default") for row in rows]):
        with pytest.raises(UserError, match="Pairs: the samples of test/default make"):
            check(wrong, result)


def test_missing_predictions_are_named(evaluated):
    task = Grades()
    result, _ = evaluated(task)
    with pytest.raises(UserError, match="no predictions for test of MockSTSTask"):
        samples_of(task, "STS", {}, result)


def test_predictions_of_another_model_are_noticed(evaluated):
    task = Grades()
    result, predictions = evaluated(task)
    predictions["default"]["test"]["cosine_scores"].reverse()
    with pytest.raises(UserError, match="make"):
        check(samples_of(task, "STS", predictions, result), result)
