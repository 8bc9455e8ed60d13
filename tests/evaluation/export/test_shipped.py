"""The Python files of an exported model: complete, importable in a flat folder, and independent of each other."""

import ast
import re
import sys

import pytest
import torch
from transformers.dynamic_module_utils import get_imports, get_relative_import_files

from stages.encoder import Encoder, EncoderConfig
from stages.evaluation.export.shipped import OURS, ship

ALLOWED = {"torch", "transformers", "sentence_transformers", "safetensors"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shipped")
    ship(folder)
    return folder


def test_files_import_only_each_other_and_what_sentence_transformers_brings(folder):
    for path in folder.iterdir():
        imported = set(get_imports(path))  # what transformers looks for before it runs a file; Triton is not among it
        assert imported - ALLOWED <= set(sys.stdlib_module_names), path.name
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 1 or node.module.split(".")[0] not in OURS, path.name
            if isinstance(node, ast.ImportFrom) and node.level:
                assert (folder / f"{node.module}.py").exists(), f"{path.name} imports {node.module}"


def test_transformers_finds_every_file_from_the_module(folder):
    """It copies no others, on a machine that gets the model from the Hub."""
    found = {path.rpartition("/")[2] for path in get_relative_import_files(folder / "text_encoder.py")}
    assert found | {"text_encoder.py"} == {path.name for path in folder.iterdir()}


def test_triton_is_imported_where_there_is_one(folder):
    files = [path for path in folder.iterdir() if re.search(r"^    import triton$", path.read_text(), re.M)]
    assert sorted(path.name for path in files) == [
        "ata_pooling_triton_backward.py",
        "ata_pooling_triton_forward.py",
        "ata_pooling_triton_ops.py",
    ]


def test_operators_of_two_models_and_of_the_installed_package_do_not_touch_each_other(export, backbone):
    """torch keeps one operator for a name: a second registration would break the first one's gradients."""
    config = EncoderConfig("ata", "bidirectional")
    first, second = export(config, "first").load(), export(config, "second").load()
    assert type(first[0]) is not type(second[0])
    ours = Encoder.from_backbone(backbone, config)
    gradients = []
    for model in (first, second, first):
        features = model.preprocess(["fit a graph", "a matrix"])
        weights = next(model.parameters())
        (gradient,) = torch.autograd.grad(model(features)["sentence_embedding"][:, 0].sum(), weights)
        gradients.append(gradient)
    tokens = ours.tokens(["fit a graph", "a matrix"], 96).padded()
    embeddings = torch.nn.functional.normalize(ours(**tokens), dim=-1)
    (expected,) = torch.autograd.grad(embeddings[:, 0].sum(), next(ours.parameters()))
    assert expected.abs().max() > 1e-4
    for gradient in gradients:
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-7)


def test_kernels_of_an_exported_model_are_those_of_triton(shared):
    """In Triton's interpreter, which needs the source of each kernel; without it they run on a GPU alone."""
    triton = pytest.importorskip("triton")
    if isinstance(triton.jit(lambda: None), triton.JITFunction):
        pytest.skip("Triton was imported for a GPU")
    model = shared(EncoderConfig("ata", "causal")).load()
    module = sys.modules[type(model[0]).__module__]
    operator = sys.modules[module.keep_last_attention.__module__].ata_pool
    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(2, 2, 9, 16, generator=generator, requires_grad=True) for _ in range(2))
    states, mask = torch.randn(2, 9, 8, generator=generator), torch.ones(2, 9, dtype=torch.long)
    found = operator(query, key, states, attention_mask=mask, backend="triton")
    expected = operator(query, key, states, attention_mask=mask, backend="reference")
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    found.sum().backward()
    assert query.grad.abs().max() > 0
