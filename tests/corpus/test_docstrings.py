"""Documentation of an installed package, read without importing it."""

import pytest

from stages.corpus.docstrings import Docstring, package_files, read_file
from stages.shared.errors import UserError

MODULE = '''
"""About the module."""
raise RuntimeError("imported")

class Model:
    """About the class."""
    def fit(self):
        """About the method."""
        def helper():
            """About the inner function."""
    async def score(self):
        """About the coroutine."""
    class Options:
        """About the inner class."""
    def silent(self):
        pass

def load():
    """About the function.

    More:
        indented further
    """
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The root of an importable package called `madeup`."""
    root = tmp_path / "site" / "madeup"
    root.mkdir(parents=True)
    (root / "__init__.py").write_text('"""About the package."""')
    monkeypatch.syspath_prepend(root.parent)
    return root


def test_module_class_method_and_function_are_told_apart_without_importing(package):
    path = package / "models" / "linear.py"
    path.parent.mkdir()
    path.write_text(MODULE)
    group = "madeup.models.linear"
    assert read_file("madeup", path) == [
        Docstring(group, "", "module", "About the module."),
        Docstring(group, "Model", "class", "About the class."),
        Docstring(group, "Model.fit", "method", "About the method."),
        Docstring(group, "Model.fit.helper", "function", "About the inner function."),
        Docstring(group, "Model.score", "method", "About the coroutine."),
        Docstring(group, "Model.Options", "class", "About the inner class."),
        Docstring(group, "load", "function", "About the function.\n\nMore:\n    indented further"),
    ]


def test_package_file_stands_for_the_package_itself(package):
    assert read_file("madeup", package / "__init__.py") == [Docstring("madeup", "", "module", "About the package.")]


@pytest.mark.parametrize("content", [b"def f(:\n", b'"""\xff"""', b'"""x"""\x00'])
def test_file_that_does_not_parse_has_no_documentation(package, content):
    (package / "broken.py").write_bytes(content)
    assert read_file("madeup", package / "broken.py") == []


def test_files_are_sorted_and_tests_and_vendored_code_left_out(package):
    names = ["b.py", "a/z.py", "a/__init__.py", "tests/test_b.py", "a/_vendor/six.py", "notes.txt"]
    for name in names:
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_text("")
    found = [path.relative_to(package).as_posix() for path in package_files("madeup")]
    assert found == ["__init__.py", "a/__init__.py", "a/z.py", "b.py"]


@pytest.mark.parametrize("name", ["no_such_package", "no.such.package", "json.decoder", "this"])
def test_name_that_is_no_installed_package_is_told(name):
    with pytest.raises(UserError, match=rf"package '{name}', which is not installed") as caught:
        package_files(name)
    assert "make setup" in str(caught.value)
