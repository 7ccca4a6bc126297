"""Defects of other libraries by the oracle, found by running the calls that losses declare.

`python -m lossspec.conformance.defects docs/accuracy.md` writes the table between the two markers of that page.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

from lossspec.conformance.bench import Bench
from lossspec.conformance.cases import Case
from lossspec.conformance.measure import error, reduced
from lossspec.conformance.oracle import NEGLIGIBLE
from lossspec.conformance.peers import PEERS, cases_of, evaluate, excuse, is_single, names_of
from lossspec.conformance.probes import probe_of
from lossspec.conformance.store import Store
from lossspec.conformance.vectors import DTYPES
from lossspec.contract import Equal
from lossspec.dispatch import get_backend
from lossspec.loss import Loss
from lossspec.registry import get, names

WRONG = 1e4
"""Errors from here on, in units of eps * scale: four digits more are lost than the inputs had unsure."""
BEGIN, END = "<!-- defects: begin -->", "<!-- defects: end -->"


@dataclass(frozen=True)
class Defect:
    """A value of another library, beside the true one."""

    loss: str
    peer: str
    dtype: str
    inputs: str
    value: str
    truth: str
    error: float


def defects(loss: Loss, equal: Equal, dtype: str, store: Store) -> Iterator[Defect]:
    """The worst wrong value of a declared call among its cases, if there is one: not where it is said to differ."""
    peer = PEERS[equal.peer]
    backend = get_backend(peer.backend)
    bench = Bench(loss, backend, DTYPES[dtype], backend.devices()[0])
    found: list[Defect] = []
    with probe_of(backend).double_precision(), np.errstate(all="ignore"):
        for case in cases_of(loss, equal, dtype, store):
            reason = excuse(equal, case.name, "value")
            if reason and not reason.startswith("wrong: "):
                continue
            chosen = replace(case, options={"reduction": equal.reduction})
            wanted, scales = reduced(loss.contract, chosen, store.expected(loss, case))
            try:
                got = evaluate(bench, chosen, equal, names_of(equal.peer))
            except Exception:  # noqa: S112 - what it refuses it does not get wrong
                continue
            found += _wrong(loss, equal, dtype, case, got, wanted, scales)
    if found:
        yield max(found, key=lambda defect: defect.error)


def _wrong(
    loss: Loss, equal: Equal, dtype: str, case: Case, got: NDArray[Any], wanted: list[Any], scales: list[float]
) -> Iterator[Defect]:
    if got.size != len(wanted):
        return
    kept = np.float32 if is_single(equal) else DTYPES[dtype]
    for position, (number, right, scale) in enumerate(zip(got.ravel(), wanted, scales, strict=True)):
        if right is None:
            continue
        away = error(number, right, right, scale, kept)
        if away > WRONG:
            index = np.unravel_index(position, got.shape) if equal.reduction == "none" else ()
            shown = _inputs(loss, case, tuple(int(i) for i in index))
            truth = "0" if abs(right) < NEGLIGIBLE else mp.nstr(right, 7)
            yield Defect(loss.contract.name, equal.peer, dtype, shown, f"{number:.6g}", truth, away)


def _inputs(loss: Loss, case: Case, index: tuple[int, ...]) -> str:
    """The inputs of one unit in few digits, or the name of the case if they are long."""
    parts = []
    units = set(loss.contract.result.names)
    for argument in loss.contract.inputs:
        value = case.inputs[argument.name]
        names = argument.terms[0].shape.names if argument.terms[0].shape is not None else ()
        if isinstance(value, list) or not units <= set(names) or np.size(value[index]) > 8:
            return f"case {case.name!r}"
        entries = np.atleast_1d(value[index]).ravel()
        text = ", ".join(f"{float(x):.5g}" for x in entries)
        parts.append(f"{argument.name} = {text}" if entries.size == 1 else f"{argument.name} = [{text}]")
    for name, value in case.parameters.items():
        if value != next(a.default for a in loss.contract.parameters if a.name == name):
            parts.append(f"{name} = {value:.5g}" if isinstance(value, float) else f"{name} = {value}")
    return "; ".join(parts)


def table(losses: Sequence[str] = ()) -> str:
    """The defects of all installed libraries in Markdown; those of some losses, or of all."""
    store = Store()
    rows = [
        "| loss | library | dtype | input | its value | true value | eps * scale |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in losses or names():
        loss = get(name)
        for equal in loss.contract.equals:
            if PEERS[equal.peer].missing() or loss.contract.form != "pointwise":
                continue  # what the oracle stores of the others depends on the reduction
            for dtype in DTYPES:
                for d in defects(loss, equal, dtype, store):
                    size = "inf" if np.isinf(d.error) else f"{d.error:.0e}"
                    rows.append(f"| `{d.loss}` | {d.peer} | {d.dtype} | {d.inputs} | {d.value} | {d.truth} | {size} |")
    return "\n".join(rows)


def main() -> None:
    """Write the table into the page that is named, or print it."""
    found = table()
    if len(sys.argv) < 2:
        print(found)
        return
    page = Path(sys.argv[1])
    text = page.read_text("utf-8")
    between = re.compile(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", re.DOTALL)
    page.write_text(between.sub(lambda _: f"\n{found}\n", text), "utf-8")


if __name__ == "__main__":
    main()
