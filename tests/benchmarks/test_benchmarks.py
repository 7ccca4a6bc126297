"""The benchmarks still run: every row of a small, single measurement has numbers, or says why it has none."""

from __future__ import annotations

import re
from dataclasses import replace
from math import isfinite

import numpy as np
import pytest

from lossspec import cross_entropy

from . import (
    bench_catalogue,
    bench_gradients,
    bench_kernels,
    bench_linear,
    bench_overhead,
    bench_peers,
    bench_recurrence,
    bench_scale,
    bench_structures,
    measure,
)
from .measure import PROCESS, Effort, NotRun, Row, in_fresh_process, machine_facts, peak_of_process, print_rows

ONCE = Effort(repeats=1, batch_seconds=0.0)
REASONS = re.compile(r"is not installed|no automatic differentiation|torch\.compile is not supported")
"""The only reasons that are no fault of a benchmark or of a loss."""


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    """A second thread is waited for, longer than it computes, while other tests hold the other cores."""
    monkeypatch.setattr(measure, "THREADS", 1)


def assert_measured(rows: list[Row], count: int) -> None:
    assert len(rows) == count
    for row in rows:
        if isinstance(row.outcome, NotRun):
            assert REASONS.search(row.outcome.reason), f"{row.labels}: {row.outcome}"
        else:
            assert isfinite(row.outcome.ratio), row.labels
            assert row.outcome.ratio > 0, row.labels


def test_overhead(capsys):
    rows = list(bench_overhead.rows(ONCE))
    assert_measured(rows, 16)
    print_rows("overhead", ("backend", "loss", "call", "operations", "overhead"), rows, bench_overhead.cells)
    assert "cross_entropy" in capsys.readouterr().out


@pytest.mark.parametrize("peer", bench_peers.PEERS, ids=lambda peer: peer.name)
def test_peer(peer, capsys):
    first = replace(peer, variants=peer.variants[:1])
    rows = list(bench_peers.rows(first, large=False, effort=ONCE))
    assert_measured(rows, 8)
    print_rows(peer.title, ("loss", "shape", "pass", "how", "ratio", "ours", "theirs"), rows, bench_peers.cells)
    assert "cross_entropy" in capsys.readouterr().out


def test_linear(capsys):
    rows = list(bench_linear.rows(8, 4, 2000, repeats=1, with_memory=False))
    assert_measured(rows, 2)
    print_rows("linear", bench_linear.HEADINGS, rows, measure.cells)
    assert "linear_cross_entropy" in capsys.readouterr().out


def test_kernels(capsys):
    pytest.importorskip("llvmlite")
    rows = list(bench_kernels.rows(repeats=1, divide=1000))
    assert_measured(rows, 48)
    small = list(bench_kernels.small_rows(repeats=1, calls=2))
    assert_measured(small, 8)
    for peer, count in zip(bench_kernels.PEERS, (12, 6, 1), strict=True):
        beside = list(bench_kernels.peer_rows(peer, repeats=1, divide=1000, compiler="eager"))
        assert_measured(beside, count)
        small += beside
    for framework in ("numpy", "torch"):
        of_all = list(bench_kernels.catalogue_rows(("huber", "dice", "info_nce"), framework, units=5, repeats=1))
        assert_measured([row for row in of_all if row.labels[0] != "info_nce"], 2)
        small += of_all
    print_rows("kernels", bench_kernels.WITH_MEMORY, rows + small, measure.cells)
    assert "triplet_margin" in capsys.readouterr().out


def test_recurrence(capsys):
    pytest.importorskip("llvmlite")
    rows = list(bench_recurrence.rows(repeats=1, divide=25))
    assert_measured(rows, 24)
    print_rows("recurrences", bench_recurrence.HEADINGS, rows, measure.cells)
    assert "soft_dtw" in capsys.readouterr().out


def test_gradients(capsys):
    rows = list(bench_gradients.rows(ONCE, divide=1000))
    assert_measured(rows, 20)
    print_rows(
        "gradients",
        ("loss", "shape", "dtype", "beside", "ratio", "ours", "theirs", "memory"),
        rows,
        bench_gradients.cells,
    )
    tape = list(bench_gradients.tape_rows(ONCE))
    assert_measured(tape, 1)
    print_rows("tape", ("backend", "operations", "added", "without"), tape, bench_gradients.tape_cells)
    printed = capsys.readouterr().out
    assert "by hand" in printed
    assert "us" in printed


@pytest.mark.filterwarnings("default")  # a peer's own warnings are not ours to mend
def test_catalogue(capsys, monkeypatch):
    monkeypatch.setattr(bench_catalogue, "MOST", {("nt_xent", "pytorch-metric-learning"): 10})
    rows = list(bench_catalogue.rows(ONCE, divide=200))
    assert {row.labels[0] for row in rows} == {name for name, _ in bench_catalogue.inputs(divide=2000)}
    too_large = [row for row in rows if isinstance(row.outcome, NotRun) and "^3 numbers" in row.outcome.reason]
    assert [row.labels for row in too_large] == [("nt_xent", "20 x 128", "pytorch-metric-learning")]
    assert_measured([row for row in rows if row not in too_large], len(rows) - 1)
    print_rows("catalogue", ("loss", "shape", "beside", "ratio", "ours", "theirs"), rows, bench_catalogue.cells)
    assert "nt_xent" in capsys.readouterr().out


@pytest.mark.filterwarnings("default")  # a peer's own warnings are not ours to mend
def test_structures(capsys):
    rows = list(bench_structures.rows(ONCE, divide=8, with_memory=False))
    assert_measured(rows, len(bench_structures.PAIRS))
    print_rows("structures", ("loss", "shape", "beside", "ratio", "ours", "theirs"), rows, bench_structures.cells)
    assert "ctc" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("with_processes", "count"), [(False, 3), pytest.param(True, 7, marks=pytest.mark.thorough)], ids=["one", "several"]
)
def test_scale(capsys, with_processes, count):
    rows = list(bench_scale.rows([5000], ONCE, with_processes))
    assert_measured(rows, count)
    print_rows("scale", bench_scale.HEADINGS, rows, bench_scale.cells)
    assert "a file by blocks" in capsys.readouterr().out


@pytest.mark.skipif(not (PROCESS / "clear_refs").exists(), reason="only Linux tells a process of its memory")
def test_memory_is_what_a_call_holds():
    megabyte = 1_000_000
    assert 31 * megabyte < peak_of_process(lambda: np.ones(32 * megabyte, dtype=np.int8)) < 40 * megabyte
    assert in_fresh_process(bench_structures.peak, 0, "ours", 4) > megabyte / 10


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_written_by_hand_is_the_loss(dtype):
    for setting in bench_gradients.settings(divide=10_000):
        if setting.logits.dtype == dtype:
            mine, gradient = setting.loss.value_and_grad(setting.logits, setting.targets)
            value, other = bench_gradients.SIDES["by hand"](setting)()
            assert abs(float(mine) - float(value)) < 8 * np.finfo(dtype).eps * abs(float(value))
            assert np.allclose(gradient, other, rtol=64 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)


def test_torch_compiled():
    """One loss, and without the C++ compiler: what may rot here is that the calls trace into one graph."""
    (peer,) = (one for one in bench_peers.PEERS if one.name == "torch")
    compiled = replace(peer, variants=peer.variants[1:])
    rows = list(bench_peers.rows(compiled, large=False, losses=[cross_entropy], effort=ONCE, compiler="eager"))
    assert_measured(rows, 2 * len(compiled.variants))


def test_machine_facts_are_one_line():
    assert re.fullmatch(r"\w+, \d+ cores, threads 2, Python 3\.\d+\.\d+, lossspec [^\n]+", machine_facts(2))
