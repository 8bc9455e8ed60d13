"""Foreign texts are told apart, and what cannot be told is let through."""

import pytest

from stages.synthesis.language import foreign
from stages.synthesis.words import units, word_count

PARAGRAPHS = {
    "de": "Die Funktion berechnet den Mittelwert der Elemente eines Arrays entlang der angegebenen Achse und gibt ein "
    "neues Array zurück, ohne das alte zu ändern. Ist der Parameter axis nicht gesetzt, werden alle Werte benutzt.",
    "fr": "Cette fonction calcule la moyenne des éléments d'un tableau selon l'axe donné et renvoie un nouveau tableau "
    "sans modifier l'ancien. Sans le paramètre axis, toutes les valeurs sont prises en compte dans le calcul.",
    "es": "Esta función calcula la media de los elementos de una matriz a lo largo del eje indicado y devuelve otra "
    "sin modificar la original. Si no se indica el parámetro axis, se usan todos los valores de la matriz.",
    "zh": "该函数沿指定的轴计算数组元素的平均值，并返回一个新的数组，而不修改原来的数组。"
    "如果没有给定参数，则使用数组中的所有值。",
    "en": "Computes the mean of the elements of an array along the given axis and returns a new array, and the old one "
    "is not changed. If the parameter axis is not given, all values are used in the computation.",
}
CODE = [
    "ser = pd.Series(idx)\n        assert ser.dtype == idx.dtype",
    "import pytest\n\nfrom pandas.errors import OutOfBoundsDatetime",
    "us = 9223372800000000\n        td = pd.Timedelta(us, unit='us')",
    "def test_iter():\n    with pytest.raises(TypeError):",
    "assert I**-1 == I\n\n    raises(TypeError, lambda: I + 1)",
    "dd586cdecf1c20c8ae5bbef7dd1b588d40ccd201",
]
TECHNICAL = [
    "a : array_like, shape (M, N) Array whose mean is desired. axis : {int, tuple of int, None}, optional",
    "dtype : data-type, default float64; out : ndarray (see ufuncs-output-type), keepdims=False, where=None",
    "qstate : Qubit, |phi> = (a|0> + b|1>), TensorProduct(H, X), qapply(CNOT(1, 0)*Qubit('00'))",
    "PolyElement in ZZ[x, y]: x**2*y + 3*x*y - 1, see also: gcd, lcm, sqf_list, factor_list",
    "max_bin: Maximum bin value no_bins: Number of bins logits: [*, num_res, num_res, num_bins]",
    "bins : int or sequence; weights : ndarray, optional; bin_edges : uniform_bins (Number, Number, int)",
]


def _texts(paragraph):
    """Six texts cut from one."""
    length = len(paragraph) // 6
    return [paragraph[place * length : (place + 1) * length] for place in range(6)]


@pytest.mark.parametrize("asked", PARAGRAPHS)
@pytest.mark.parametrize("given", PARAGRAPHS)
def test_paragraph_is_foreign_in_every_language_but_its_own(asked, given):
    assert foreign(_texts(PARAGRAPHS[given]), asked) == (None if asked == given else given)


def test_english_full_of_names_and_symbols_is_not_foreign():
    assert foreign(TECHNICAL, "en") is None
    assert foreign(CODE, "en") is None
    assert all(foreign([text] * 6, "en") is None for text in TECHNICAL)


def test_foreign_majority_is_found():
    assert foreign([*_texts(PARAGRAPHS["en"])[:2], *_texts(PARAGRAPHS["de"])[:4]], "en") == "de"


@pytest.mark.parametrize("language", ["de", "zh"])
def test_short_texts_are_not_judged(language):
    assert foreign([text[:6] for text in _texts(PARAGRAPHS[language])], "en") is None


def test_language_that_the_identifier_lacks_is_not_judged():
    assert foreign(_texts(PARAGRAPHS["en"]), "xx") is None


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        ("", "en", 0),
        ("two  words\n", "en", 2),
        ("Straße — hier", "de", 3),
        ("计算数组的平均值", "zh", 6),
        ("計算 する", "ja", 2),
        ("", "zh", 0),
    ],
)
def test_words_are_counted_by_spaces_or_estimated_from_characters(text, language, count):
    assert word_count(text, language) == count


def test_units_are_words_without_case_and_punctuation_or_characters():
    assert units("The Mean, of x!", "en") == ["the", "mean", "of", "x"]
    assert units("计算 平均值。", "zh") == list("计算平均值")
