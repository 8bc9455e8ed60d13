"""Text from templates."""

import jinja2
import pytest

from stages.shared.templates import render_template


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "page.j2"
    path.write_text("{% if shown %}\n{{ word }}\n{% endif %}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("autoescape", "expected"), [(True, "a &lt; b\n"), (False, "a < b\n")])
def test_lines_of_control_leave_nothing_and_html_is_escaped_on_request(autoescape, expected, template):
    assert render_template(template, autoescape=autoescape, shown=True, word="a < b") == expected


def test_missing_name_is_refused(template):
    with pytest.raises(jinja2.UndefinedError, match="word"):
        render_template(template, autoescape=False, shown=True)
