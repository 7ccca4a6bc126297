"""A cell of the matrix in a process of its own: a framework that crashes or hangs costs one cell, and is named.

`python -m lossspec.conformance.isolated huber mlx float32 cpu` prints the cell as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from importlib import import_module
from typing import Any

from lossspec.conformance.matrix import KERNELS, Cell, Job, printable, run_cell
from lossspec.conformance.store import Store
from lossspec.dispatch import get_backend
from lossspec.registry import get

SECONDS = 600.0
"""The time that a cell may take."""


def run_isolated(
    job: Job, thorough: bool = False, quick: bool = False, modules: Sequence[str] = (), seconds: float = SECONDS
) -> Cell:
    """Fill a cell in a new process; one that ends or hangs there has failed, and says how.

    The backend is known there by its entry point, or by one of the `modules`, which are imported first.
    """
    cell = Cell(job.loss.contract.name, job.column, job.dtype, job.device)
    if job.reason:
        cell.status, cell.reason = "not run", job.reason
        return cell
    command = [sys.executable, "-m", "lossspec.conformance.isolated", cell.loss, cell.backend, job.dtype, job.device]
    command += [part for module in modules for part in ("--module", module)]
    command += ["--thorough"] * thorough + ["--quick"] * quick + ["--brief"] * job.brief
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it is the leader of its own session
            process.wait()
            cell.expect(False, f"the process hangs: no result in {seconds:g} s")
            return cell
        output.seek(0)
        lines = output.read().decode("utf-8", "replace").strip().splitlines()
        if status == 0 and lines:
            return from_dict(json.loads(lines[-1]))
        errors.seek(0)
        said = errors.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
    end = f"crashed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    cell.expect(False, f"the process {end}{': ' + printable(said[-1]) if said else ''}")
    return cell


def from_dict(content: dict[str, Any]) -> Cell:
    """The cell that `Cell.to_dict` wrote; an error without a number is text there."""
    cell = Cell(content["loss"], content["backend"], content["dtype"], content["device"])
    for field in fields(Cell):
        value = content.get(field.name, getattr(cell, field.name))
        is_error = field.name.endswith("_error") and isinstance(value, str)
        setattr(cell, field.name, float(value) if is_error else value)
    return cell


def main() -> None:
    """Fill the cell that the command line names, and print it."""
    parser = argparse.ArgumentParser("lossspec.conformance.isolated")
    for name in ("loss", "backend", "dtype", "device"):
        parser.add_argument(name)
    parser.add_argument("--module", action="append", default=[])
    for flag in ("--thorough", "--quick", "--brief"):
        parser.add_argument(flag, action="store_true")
    asked = parser.parse_args()
    sys.path.insert(0, "")  # the current folder, for modules of one's own
    for module in asked.module:
        import_module(module)
    name = asked.backend.removesuffix(KERNELS)
    kernels = name != asked.backend
    job = Job(get(asked.loss), get_backend(name), asked.dtype, asked.device, kernels=kernels, brief=asked.brief)
    with contextlib.redirect_stdout(sys.stderr):
        cell = run_cell(job, Store(), asked.thorough, asked.quick)
    print(json.dumps(cell.to_dict(), allow_nan=False))


if __name__ == "__main__":
    main()
