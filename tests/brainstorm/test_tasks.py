import json

import pytest

from stages.brainstorm.tasks import MAX_ROUNDS, TEMPLATES, brainstorm
from stages.llm.answers import TASKS_PER_ANSWER
from stages.llm.requests import Answer
from stages.shared.errors import UserError
from stages.shared.records import KINDS


class Model:
    """Answers requests from a list, one text each, then with nothing new; remembers what it was asked."""

    def __init__(self, texts):
        self.texts, self.requests = list(texts), []

    def __call__(self, requests):
        self.requests += requests
        return [Answer(self.texts.pop(0) if self.texts else _tasks(), "stop", 1, 1) for _ in requests]


def _tasks(*names):
    return json.dumps({"tasks": [f"Given a {name}, retrieve the passage on it." for name in names]})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_prompt_that_says_how_many_tasks_and_in_which_form(kind):
    model = Model([_tasks("a")])
    brainstorm(kind, 1, 0, model)
    prompt = model.requests[0].prompt
    assert f"Write {TASKS_PER_ANSWER} tasks" in prompt
    assert '{"tasks": [' in prompt
    assert "$" not in prompt


def test_there_is_a_template_for_each_kind_and_no_other():
    assert {path.stem for path in TEMPLATES.iterdir()} == set(KINDS)


def test_tasks_come_in_order_without_duplicates_and_what_was_left_out_is_counted():
    model = Model([_tasks("b", "a", "B"), "no json", _tasks("a", "c", "d")])
    tasks, left_out = brainstorm("short_long", 3, 0, model)
    assert [task.description.split()[2] for task in tasks] == ["b,", "a,", "c,"]
    assert {task.kind for task in tasks} == {"short_long"}
    assert left_out == {"invalid_answer": 1, "unusable": 0, "duplicate": 2}


def test_an_answer_is_asked_again_with_another_seed_until_there_are_enough():
    model = Model([_tasks("a"), _tasks("a"), _tasks("b")])
    tasks, _ = brainstorm("symmetric", 2, 0, model)
    assert len(tasks) == 2
    assert len({request.seed for request in model.requests}) == 3


def test_another_seed_asks_other_requests():
    first, second = Model([_tasks("a")]), Model([_tasks("a")])
    brainstorm("symmetric", 1, 0, first)
    brainstorm("symmetric", 1, 1, second)
    assert first.requests[0].seed != second.requests[0].seed


def test_a_task_of_a_few_words_or_of_a_page_is_left_out():
    text = json.dumps(
        {"tasks": ["Find things.", "Given " + "very " * 100 + "long text, find it.", "Given a, find b or c."]}
    )
    tasks, left_out = brainstorm("long_long", 1, 0, Model([text]))
    assert [task.description for task in tasks] == ["Given a, find b or c."]
    assert left_out["unusable"] == 2


def test_a_model_that_repeats_itself_ends_with_what_was_found_and_what_to_do():
    model = Model([_tasks("a")] * 99)
    with pytest.raises(
        UserError, match=rf"{MAX_ROUNDS} requests gave only 1 of 2 different tasks of kind long_long"
    ) as error:
        brainstorm("long_long", 2, 0, model)
    assert "brainstorm.tasks_per_kind" in str(error.value)
