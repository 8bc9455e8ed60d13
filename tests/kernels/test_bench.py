"""The bench's contracts; nothing here is timed."""

import csv
import math

import pytest
import torch
from ata_bench import __main__ as bench
from ata_bench import (
    bars,
    check,
    encode_case,
    floors,
    memory,
    operator_case,
    operator_report,
    peers,
    rows,
    table,
    timing,
)
from ata_bench.jobs import Job, forward_and_backward, job
from ata_bench.shapes import Shape, padded_inputs, random_inputs
from ata_pooling import chunked
from benching.bars import Bar, lines, verdict
from benching.csv_rows import append
from benching.processes import WrongResult
from transformers import MistralConfig

SMALL = Shape(batch=2, heads=4, key_heads=2, tokens=24, size=8, hidden=12)
PROVENANCE = dict.fromkeys(("date", "device", "torch", "triton", "transformers", "commit"), "x")


def row(**fields):
    values = {"case": "operator", "backend": "torch", "shape": "s", "dtype": "float32", "direction": "forward"}
    return rows.Row(**PROVENANCE | values | {"timer": "clock", "ms_20": 1.0, "ms_50": 2.0, "ms_80": 3.0} | fields)


@pytest.fixture
def never_timed(monkeypatch):
    def fail(*_, **__):
        pytest.fail("timed")

    monkeypatch.setattr(operator_case, "measure", fail)
    monkeypatch.setattr(operator_case, "measured_rates", fail)


# floors


def test_forward_costs_one_product_and_one_exponential_an_entry():
    cost = floors.forward(SMALL, itemsize=2)
    entries = 2 * 4 * 24 * 24
    assert cost.matrix == 2 * 8 * entries
    assert cost.special == entries + entries / floors.shared_factors(24)
    numbers = 2 * 24 * (4 * 8 + 2 * 8 + 12)
    assert cost.bytes == 2 * numbers + 2 * 24 + 2 * 2 * 12  # inputs, mask, embeddings


def test_backward_costs_three_products_and_reads_and_writes_all_inputs():
    cost = floors.backward(SMALL, itemsize=4)
    entries, numbers = 2 * 4 * 24 * 24, 2 * 24 * (4 * 8 + 2 * 8 + 12)
    assert cost.matrix == 3 * 2 * 8 * entries
    assert cost.bytes == 2 * 4 * numbers + 2 * 24 + 4 * (2 * 4 * 24 + 2 * 24) + 4 * 2 * 12


def test_tiles_cost_one_more_product_unless_forward_is_given_the_lse():
    product = 2 * 8 * 2 * 4 * 24 * 24
    assert floors.forward(SMALL, 2, tiles=True).matrix == 2 * product
    assert floors.forward(SMALL, 2, tiles=True, lse_given=True).matrix == product
    assert floors.backward(SMALL, 2, tiles=True).matrix == 4 * product


def test_lse_costs_its_bytes():
    more = floors.forward(SMALL, 2, lse_given=True).bytes - floors.forward(SMALL, 2).bytes
    assert more == 4 * 2 * 4 * 24


def test_both_directions_cost_their_sum():
    costs = floors.costs(SMALL, 2, lse_given=False)
    assert costs["forward+backward"] == tuple(map(sum, zip(costs["forward"], costs["backward"], strict=True)))


@pytest.mark.parametrize("tokens", [1, 512, 4096, 2**20])
def test_as_many_factors_share_a_logarithm_as_fit_float32(tokens):
    factors = floors.shared_factors(tokens)
    assert (1 + tokens) ** factors < 2**128 <= (1 + tokens) ** (factors + 1) * 2


def test_floor_is_the_slowest_unit_and_skips_one_of_unknown_rate():
    cost = floors.Cost(matrix=10, special=300, bytes=20)
    assert floors.floor(cost, floors.Rates(matrix=10, special=100, bytes=10)) == (3000, "special")
    assert floors.floor(cost, floors.Rates(matrix=10, special=None, bytes=10)) == (2000, "bytes")


# bars


def test_each_bar_has_one_line_in_the_documented_form():
    found = lines(bars.BARS, {"cpu-forward-to-eager": 0.5})
    assert len(found) == len(bars.BARS) == len({bar.name for bar in bars.BARS})
    assert found[0] == "BAR cpu-forward-to-eager 0.500 <=1 holds"
    assert found[1] == "BAR cpu-backward-to-eager - <=1 not-run"


@pytest.mark.parametrize(
    ("sense", "figure", "expected"),
    [
        ("<=", 5, "holds"),
        ("<=", 5.0001, "short"),
        (">=", 5, "holds"),
        (">=", 4.9999, "short"),
        ("<=", math.nan, "short"),
        (">=", math.nan, "short"),
        ("<=", None, "not-run"),
    ],
)
def test_verdict(sense, figure, expected):
    assert verdict(Bar("b", sense, 5), figure) == expected


def test_figure_without_a_bar_is_refused():
    with pytest.raises(KeyError, match="speed"):
        lines(bars.BARS, {"speed": 1.0})


def measured(calls, extra):
    times = {
        (name, way): timing.Times([float(ms)] * 2, "clock")
        for name, ms in calls.items()
        for way in operator_case.DIRECTIONS
    }
    return operator_report.Measured(times, extra)


def test_operator_gives_every_bar_of_the_operator_its_figure():
    group = operator_report.Group(operator_case.ON_CPU, torch.float32, (), "reference")
    both = {("torch", "forward+backward"): 10, ("reference", "forward+backward"): 100}
    figures = operator_report.figures_on_cpu(group, measured({"torch": 1, "reference": 2}, both))
    assert figures == {"cpu-forward-to-eager": 0.5, "cpu-backward-to-eager": 0.5, "cpu-memory-to-eager": 0.1}
    for tokens in operator_case.LENGTHS:
        shape = operator_case.ON_GPU._replace(tokens=tokens)
        extra = {("triton", "forward"): 4 * 8 * 32 * tokens, ("triton", "forward+backward"): 3 * 4 * 8 * 32 * tokens}
        beside = measured({"triton": 3, "triton+lse": 1, "sdpa": 2, "eager": 12}, extra)
        found = operator_report.figures_on_gpu(operator_report.Group(shape, torch.bfloat16, (), None), beside)
        assert found[f"gpu-{tokens}-forward-to-sdpa"] == found[f"gpu-{tokens}-backward-to-sdpa"] == 1.5
        assert found[f"gpu-{tokens}-forward-with-lse-to-sdpa"] == 0.5
        assert found[f"gpu-{tokens}-memory-planes"] == 3
        eager = operator_report.figures_on_gpu(operator_report.Group(shape, torch.bfloat16, (), "eager"), beside)
        assert eager == ({} if tokens == 512 else dict.fromkeys(eager, 4)), "eager's time over triton's"
        figures |= found | eager
    assert figures.keys() == {bar.name for bar in bars.BARS if "encode" not in bar.name}


def test_memory_is_not_run_where_a_process_cannot_reset_its_peak(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "RESET", tmp_path / "absent" / "clear_refs")
    assert memory._resident_extra("mean", SMALL) is None
    group = operator_report.Group(operator_case.ON_CPU, torch.float32, (), "reference")
    found = measured({"torch": 1, "reference": 2}, {})
    assert "cpu-memory-to-eager" not in operator_report.figures_on_cpu(group, found)
    assert "not measured" in operator_report.notes(group, found, floors.Rates(1, None, 1))[-1]


# no speed from a red test


def test_all_that_pools_is_right():
    check.require_right(["torch", "reference"], padded_inputs(torch.float32, "cpu"), "padded")
    calls = ["torch", "reference", "eager", "eager+output"]
    for dtype in check.ALLOWED:
        check.require_right(calls, random_inputs(SMALL, dtype, "cpu", seed=0), "full")


def doubled_gradient(outputs):
    return outputs._replace(pooled=2 * outputs.pooled - outputs.pooled.detach())


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (lambda outputs: outputs._replace(pooled=1.01 * outputs.pooled), "output"),
        (lambda outputs: outputs._replace(pooled=outputs.pooled * math.nan), "output"),
        (doubled_gradient, "gradient of query"),
        (doubled_gradient, "gradient of key"),
        (doubled_gradient, "gradient of hidden_states"),
    ],
)
def test_wrong_results_are_named(monkeypatch, spoil, part):
    monkeypatch.setitem(peers.CALLS, "torch", lambda inputs: spoil(peers.chunked(inputs)))
    with pytest.raises(WrongResult, match=f"torch, padded: {part} is off by .* allowed"):
        check.require_right(["reference", "torch"], padded_inputs(torch.float32, "cpu"), "padded")


@pytest.mark.usefixtures("never_timed")
def test_bench_refuses_to_time_a_wrong_backend(monkeypatch, capsys, tmp_path):
    right = chunked.token_scores
    monkeypatch.setattr(chunked, "token_scores", lambda *args, **options: right(*args, **options) ** 2)
    path = tmp_path / "rows.csv"
    assert bench.main(["--device", "cpu", "--csv", str(path)]) == 1
    out, err = capsys.readouterr()
    assert (
        "operator: refused, no figure from a run that went wrong:\ntorch, padded rows, float32: output is off by" in err
    )
    assert out.splitlines()[-len(bars.BARS) :] == lines(bars.BARS, {})
    assert not path.exists()


def test_encoding_is_checked_too(monkeypatch):
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = MistralConfig(**sizes, num_key_value_heads=2, vocab_size=64, sliding_window=None)
    model = encode_case.build(config, "cpu")
    ids = torch.randint(64, (2, 9), generator=torch.Generator().manual_seed(0))
    encode_case.require_right(model, ids, torch.ones_like(ids))
    monkeypatch.setattr(encode_case, "with_ata", encode_case.with_mean)
    for layer in model.layers:  # far from even attention, where the mean is not ATA's result
        layer.self_attn.q_proj.weight.data *= 50
        layer.self_attn.k_proj.weight.data *= 50
    with pytest.raises(WrongResult, match="encode"):
        encode_case.require_right(model, ids, torch.ones_like(ids))


# what is run


def test_backward_alone_gives_the_gradients_of_both_and_may_run_again():
    sets = [random_inputs(SMALL, torch.float32, "cpu", seed) for seed in range(2)]
    backward = job(peers.CALLS["eager+output"], sets, "backward")
    both = job(peers.CALLS["eager+output"], sets, "forward+backward")
    state = backward.prepare(1)
    for _ in range(2):
        torch.testing.assert_close(backward.run(state), both.run(both.prepare(1))[1])
    _, expected = forward_and_backward(peers.CALLS["eager+output"], sets[1])
    torch.testing.assert_close(backward.run(state), expected)
    assert not job(peers.CALLS["torch"], sets, "forward").run(sets[0]).pooled.requires_grad


def test_jobs_take_turns():
    order = []
    jobs = {name: Job(lambda index: index, lambda state, name=name: order.append((name, state))) for name in "ab"}
    times = timing.measure(jobs, device="cpu", sets=2, rounds=3)
    assert order == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 0), ("b", 0)]
    assert [len(found.ms) for found in times.values()] == [3, 3]


def test_quantiles_are_in_order_and_the_median_is_the_middle():
    assert timing.Times([5.0, 1.0, 2.0, 4.0, 3.0], "clock").quantiles == pytest.approx((1.8, 3.0, 4.2))


def test_eager_attention_gets_as_many_rows_as_memory_holds():
    of_row = operator_case.EAGER_MATRICES * 4 * 32 * 4096**2
    sizes = [operator_case.eager_batch(operator_case.ON_GPU, rows * of_row) for rows in (9, 8, 7, 4, 1, 0)]
    assert sizes == [8, 8, 4, 4, 1, 1]


# rows and the table


def test_rows_are_added_under_one_header(tmp_path):
    path = tmp_path / "new" / "rows.csv"
    append(path, rows.Row, [row()])
    append(path, rows.Row, [row(backend="triton", to_sdpa=1 / 3), row(extra_mib=0.0)])
    lines = list(csv.DictReader(path.open(encoding="utf-8")))
    assert path.read_text(encoding="utf-8").count("date,") == 1
    assert [line["backend"] for line in lines] == ["torch", "triton", "torch"]
    assert [line["to_sdpa"] for line in lines] == ["", "0.33333", ""]
    assert lines[2]["extra_mib"] == "0"


@pytest.mark.usefixtures("never_timed")
def test_file_with_another_header_is_refused_and_left_alone(tmp_path, capsys):
    path = tmp_path / "rows.csv"
    path.write_text("date,speed\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows\.csv has the columns date,speed; this version writes date,device,"):
        append(path, rows.Row, [row()])
    with pytest.raises(SystemExit) as exit_:
        bench.main(["--device", "cpu", "--csv", str(path)])
    assert exit_.value.code == 2
    assert "Move that file away" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "date,speed\n1,2\n"


def test_table_leaves_out_columns_without_a_figure():
    headings, first, _ = table.cells([row(), row(backend="sdpa", to_sdpa=1.0)])
    assert headings == ["backend", "direction", "ms", "20%", "80%", "/sdpa", "timer"]
    assert first == ["torch", "forward", "2", "1", "3", "-", "clock"]


@pytest.mark.usefixtures("never_timed")
@pytest.mark.parametrize(
    "arguments", [["--device", "cuda"], ["--device", "cpu", "--only", "encode"], ["--only", "speed"]]
)
def test_command_that_cannot_be_followed_ends_with_2(monkeypatch, arguments):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as exit_:
        bench.main(arguments)
    assert exit_.value.code == 2
