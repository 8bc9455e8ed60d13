"""Scores on the way to the trained encoder, and which copies and tasks they are of."""

import json

import pytest

from stages.evaluation.curve import Copies, check_curve
from stages.shared.errors import UserError


def options(settings, **update):
    return settings.profile.evaluation.model_copy(update=update)


def test_copies_are_those_that_training_listed(tmp_path):
    (tmp_path / "steps.json").write_text(json.dumps({"steps": [40, 80], "total": 100}))
    assert Copies.read(tmp_path) == Copies({"step-000040": 40, "step-000080": 80}, 100)


def test_training_that_has_not_run_is_told(tmp_path):
    with pytest.raises(UserError, match="dvc repro training"):
        Copies.read(tmp_path)


def test_task_that_the_run_has_not_is_told_with_those_that_it_has(settings):
    check_curve(options(settings, curve_tasks=["DocsSTS"]))
    with pytest.raises(UserError, match=r"names DocsQuiz, .*\n.*DocsRetrieval"):
        check_curve(options(settings, curve_tasks=["DocsSTS", "DocsQuiz"]))
