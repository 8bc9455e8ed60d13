"""The case `gpu` where there is none, and its measuring on the CPU with a toy model."""

from dataclasses import replace

import pytest
import torch
from benching import table

from stages.shared.settings import Architecture
from stages.training.plan.compute import cached_share, step_work
from stages.training.plan.texts import PADDING, BatchTexts
from stages.training_bench import bars, gpu_case, gpu_steps
from stages.training_bench.gpu_work import POOLINGS, GpuWork, settings_for, small_architecture
from stages.training_bench.results import Options
from stages.training_bench.rows import PACKAGES

PROVENANCE = dict.fromkeys(("date", "machine", "python", *PACKAGES, "commit"), "x")
SHAPE = {
    "model_type": "qwen3",
    "vocab_size": 128,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
TOY = GpuWork(SHAPE, "fp32", "cpu", batch_size=8, length=16, chunk_tokens=64, untimed=1, timed=2)
SAID = {
    "seconds": {"mean": [2.0, 1.0, 4.0], "ata": [2.04, 1.1, 3.0]},
    "operations": {name: {"forward": 1e12, "cached": 1e12, "recomputed": 5e12, "backward": 2e12} for name in POOLINGS},
    "matrix_rate": 4e12,
    "card": "some card",
    "checkpointing": True,
    "peak_gib": 1.0,
}


def options(quick=False):
    return Options(quick, PROVENANCE, lambda _: None)


def test_without_a_gpu_nothing_is_run_and_the_reason_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    result = gpu_case.run(options())
    assert result.title.startswith("gpu: not run, ")
    assert result.title.endswith("is built without CUDA" if torch.version.cuda is None else "no CUDA device")
    assert (result.figures, result.rows) == ({}, [])


@pytest.mark.parametrize("lora", [False, True])
def test_steps_are_real_ones(lora):
    work = replace(TOY, lora=lora)
    encoder, trainer = gpu_steps.build(settings_for(work), work)
    before = {name: weights.detach().clone() for name, weights in encoder.named_parameters()}
    seconds, losses = gpu_steps.timed_steps(encoder, trainer, work)
    changed = {name for name, weights in encoder.named_parameters() if not torch.equal(weights, before[name])}
    assert changed == {name for name, weights in encoder.named_parameters() if weights.requires_grad}
    assert any("lora" in name for name in changed) == lora
    assert [len(seconds[pooling]) for pooling in POOLINGS] == [work.timed] * 2
    assert len(losses) == work.steps == 6
    assert all(loss > 0 for loss in losses)


def test_each_pooling_has_its_turn(monkeypatch):
    encoder, trainer = gpu_steps.build(settings_for(TOY), TOY)
    seen = []
    monkeypatch.setattr(gpu_steps, "timed", lambda _, step: (seen.append(encoder.config.pooling), step(), 1.0)[2])
    gpu_steps.timed_steps(encoder, trainer, TOY)
    assert seen == ["mean", "ata", "ata", "mean", "mean", "ata"]


def test_all_chunks_are_full_and_as_many_keep_their_graph_as_the_plan_reckons():
    settings = settings_for(TOY)
    _, trainer = gpu_steps.build(settings, TOY)
    _, [batch] = trainer._preparer.step(0)
    assert {tuple(chunk.inputs["input_ids"].shape) for chunk in batch.chunks} == {(4, 16)}
    assert batch.tokens == batch.padded == TOY.texts * TOY.length == 384
    share = cached_share(settings, BatchTexts(TOY.texts / PADDING, TOY.length, TOY.length**2, ""))
    assert share == pytest.approx(1 - batch.kept / len(batch.chunks)) == pytest.approx(5 / 6)


def test_operations_are_the_plans_without_padding():
    found = gpu_steps.operations(TOY, "mean", False)
    padded = step_work(settings_for(TOY), BatchTexts(TOY.texts, TOY.length, TOY.length**2, ""))
    assert found["forward"] == pytest.approx(padded.forward / PADDING)
    assert found["backward"] == pytest.approx(2 * found["forward"])
    assert found["cached"] == pytest.approx(5 / 6 * found["forward"])
    assert found["recomputed"] == 0 < gpu_steps.operations(TOY, "mean", True)["recomputed"]
    linear = 3 * (64 * (64 + 32 + 32) + 64 * 64 + 3 * 64 * 96)
    attention = 3 * 4 * 16**2 * 64  # of a text
    assert found["forward"] == pytest.approx(384 * 2 * linear + 24 * attention)


def test_process_on_the_cpu_gives_positive_figures(monkeypatch):
    monkeypatch.setattr(gpu_case, "missing", lambda: "")
    monkeypatch.setattr(gpu_case, "works_for", lambda _: [TOY])
    result = gpu_case.run(options())
    assert result.figures.keys() == {"gpu_utilisation", "ata_overhead"} <= {bar.name for bar in bars.BARS}
    assert all(figure > 0 for figure in result.figures.values())
    assert len(result.rows) == 5
    assert all(row.value_50 > 0 and row.runs == 2 for row in result.rows)
    assert "on CPU" in table.render(result)


def test_bars_are_of_the_faster_run_and_recomputed_operations_do_not_count():
    works = gpu_case.works_for(False)
    slower = SAID | {"seconds": {"mean": [3.0] * 3, "ata": [3.0] * 3}}
    result = gpu_case.result(works, [slower, SAID], options())
    assert result.figures == {"gpu_utilisation": 0.5, "ata_overhead": pytest.approx(1.02)}
    assert any("the bars are those of the model compiled" in note for note in result.notes)
    assert gpu_case.result(works, [slower, SAID], options(quick=True)).figures == {}


def test_whole_run_has_the_shape_of_profile_small_and_fills_its_chunks():
    assert Architecture.model_validate(small_architecture()).num_hidden_layers == 28
    for work in gpu_case.works_for(False) + gpu_case.works_for(True):
        assert work.precision == "bf16"
        assert work.device == "cuda"
        # or the last chunk would be smaller, and fewer tokens keep their graph than the plan reckons with
        assert work.texts * work.length % work.chunk_tokens == work.chunk_tokens % work.length == 0
    assert [(work.texts, work.length) for work in gpu_case.works_for(False)] == [(1536, 512)] * 2
