"""The command line with the extra `check`; `plain.py` is the one without."""

from __future__ import annotations

import json
import os
import runpy
import sys
from difflib import get_close_matches
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lossspec import describe
from lossspec.conformance.needs_command import register as register_needs
from lossspec.dialects.port import port as port_call
from lossspec.errors import ContractError, FormatError, LossSpecError, MissingExtraError
from lossspec.outputs import unwritable
from lossspec.progress import progress_bar
from lossspec.registry import get, names
from lossspec.verify.command import register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rich.progress import Progress

    from lossspec.conformance.matrix import Cell
    from lossspec.conformance.store import Store
    from lossspec.loss import Loss

app = typer.Typer(
    help="Losses specified once, implemented once, checked on every backend.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()
if not console.is_terminal and "COLUMNS" not in os.environ:
    console = Console(width=120)  # a log has no width of its own

Names = Annotated[list[str] | None, typer.Option("--loss", "-l", help="A loss by name or alias; repeat for more.")]


@app.command("list")
def list_losses() -> None:
    """List all losses by family, with their unit and form."""
    families, width = describe.by_family()
    for family, contracts in families.items():
        console.print(f"[bold]{family}[/bold]")
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 2))
        table.add_column(no_wrap=True, width=width)
        for contract in contracts:
            table.add_row(contract.name, f"{contract.summary} [dim]{contract.form}, per {contract.unit}[/dim]")
        console.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A loss by its name, or by the name another library gives it.")],
    as_json: Annotated[bool, typer.Option("--json", help="The contract as JSON.")] = False,
) -> None:
    """Show the contract of one loss: formula, shapes, domains, weights, source."""
    loss = _find([name])[0]
    contract = loss.contract
    if as_json:
        print(json.dumps(contract.to_dict(), indent=1))
        return
    console.print(f"[bold]{contract.name}[/bold]  {escape(contract.summary)}\n")
    console.print(_table(describe.ARGUMENTS, describe.arguments(contract)))
    console.print()
    for key, value in describe.facts(contract).items():
        console.print(f"[dim]{key:<12}[/dim] {escape(value)}")
    if contract.equals:
        console.print()
        console.print(_table(describe.EQUAL_CALLS, describe.equal_calls(contract)))
    lines, example = describe.text(loss)
    for line in lines:
        console.print(escape(line))
    console.print(escape(f"\n{example}"), highlight=False)


@app.command()
def port(
    call: Annotated[str, typer.Argument(help="A call, as 'F.cross_entropy(x, y)', or a file with calls.")],
    to: Annotated[str, typer.Option("--to", help="Libraries, with commas between them.")] = "torch,optax,keras,sklearn",
) -> None:
    """The equal calls of other libraries, and what differs; nothing is evaluated."""
    try:
        found = port_call(call, to)
    except (ContractError, OSError) as error:
        raise SystemExit(str(error)) from None
    for ported in found:
        console.print(escape(str(ported)), highlight=False, soft_wrap=True)
        for difference in ported.differs:
            console.print(f"[dim]  # {escape(difference)}[/dim]", highlight=False, soft_wrap=True)


@app.command()
def export(
    to: Annotated[str, typer.Argument(metavar="onnx", help="The format.")],
    name: Annotated[str, typer.Argument(help="A loss by name or alias.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    gradients: Annotated[bool, typer.Option(help="The gradient in every real input, beside the loss.")] = False,
    size: Annotated[list[str] | None, typer.Option(help="The size of an axis, as batch=32; repeat for more.")] = None,
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    reduction: Annotated[
        str | None, typer.Option(help="A reduction of the loss, in place of the declared one.")
    ] = None,
) -> None:
    """Write a loss, and its gradients, as a model of ONNX for arrays of fixed sizes; run it in onnxruntime before."""
    if to != "onnx" or dtype not in ("float32", "float64"):
        raise typer.BadParameter(f"{to!r} in {dtype!r}: the format is onnx, the dtype float32 or float64")
    loss = _find([name])[0]
    from lossspec.conformance.sampling import typical_inputs

    axes = {axis.name for a in loss.contract.inputs for t in a.terms if t.shape is not None for axis in t.shape.axes}
    sizes: dict[str, int] = {}
    for given in size or ():
        axis, _, number = given.partition("=")
        if axis not in axes or not number.isdigit():
            raise typer.BadParameter(f"{given!r} is no size of an axis of {name}, which are {', '.join(sorted(axes))}")
        sizes[axis] = int(number)
    _try_to_write(out)
    inputs = typical_inputs(loss.contract, sizes)
    real = [key for key, x in inputs.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    arrays = inputs | {key: inputs[key].astype(dtype) for key in real}
    parameters = {
        a.name: loss.contract.sizes[a.name] for a in loss.contract.parameters if a.name in loss.contract.sizes
    }
    options = parameters | ({} if reduction is None else {"reduction": reduction})
    try:
        from lossspec.integrations.onnx_model import export as export_model

        model = export_model(loss, **arrays, **options, wrt=real if gradients else ())
    except LossSpecError as error:
        raise SystemExit(str(error)) from None
    out.write_bytes(model.SerializeToString())
    for one in (*model.graph.input, *model.graph.output):
        shape = [dim.dim_value for dim in one.type.tensor_type.shape.dim]
        console.print(f"{one.name} {shape}", highlight=False, markup=False)


@app.command()
def doctor(
    kernels: Annotated[
        bool, typer.Option("--kernels", help="Say for every loss whether a kernel computes it.")
    ] = False,
) -> None:
    """List the backends: found or not, their versions and devices."""
    if not kernels:
        console.print(_table(describe.BACKENDS, describe.backends()))
        return
    from lossspec.kernels.driver import state

    console.print(f"kernels on GPUs (CuPy, Torch): {state()}", highlight=False)
    console.print(_table(("loss", "kernel"), _kernels()))


def _kernels() -> Iterator[describe.Row]:
    """The losses whose value and gradient a kernel computes, and why no kernel computes the others."""
    from lossspec.conformance.cases import make_cases
    from lossspec.kernels.front import reason, served
    from lossspec.kernels.request import Request

    for name in names():
        loss = get(name)
        case = make_cases(loss.contract, np.float32)[0]
        wrt = tuple(n for n, x in case.inputs.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f")
        given, before = {**case.inputs, **case.parameters}, served()
        why = reason(Request(cast(Any, loss), "value_and_grad", (), given, wrt))
        if why and wrt:  # its recurrences may be kernels
            loss.value_and_grad(**given, wrt=wrt)
        loops = served() - before
        yield name, f"{loops} compiled loops, else none: {why}" if loops else f"no: {why}" if why else "yes"


def _table(headings: describe.Row, rows: Iterable[describe.Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


@app.command(epilog="Try: lossspec check · lossspec check -l huber -b numpy · lossspec check --family ranking")
def check(
    loss: Names = None,
    family: Annotated[
        list[str] | None, typer.Option(help="A family, as `lossspec list` heads it; repeat for more.")
    ] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(
            "--backend", "-b", help="A backend, or numpy+kernels; repeat for more. All that are found if none."
        ),
    ] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="float32 or float64; repeat for both.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="A device, as `lossspec doctor` lists them.")] = None,
    module: Annotated[list[str] | None, typer.Option(help="A module to import first, with losses of your own.")] = None,
    jobs: Annotated[str, typer.Option("--jobs", "-j", help="Processes; auto is one for each core.")] = "auto",
    full: Annotated[
        bool, typer.Option("--full", help="All cases and laws: minutes for the catalogue. So it is with --loss.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="A row for each loss in place of each family, and every failure.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the matrix to this file as JSON.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write the matrix to this file as a page.")] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="As --full, also what a framework compiles for seconds, in both dtypes.")
    ] = False,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Evaluate the oracle anew instead of reading stored results.")
    ] = False,
    isolate: Annotated[
        bool, typer.Option(help="Fill each cell in a process of its own: a framework that crashes costs one cell.")
    ] = False,
) -> None:
    """Check losses against the oracle and the laws; exit status 1 if a cell fails.

    Without options that is a quick check: typical inputs, edges, weights with masks;
    laws on one loss of each family; less on the backends after the first one, as the
    lines below the table say.

    With --full, or for what --loss names, it is all, on every backend that is found:
    both dtypes, parameters, reductions, extremes, real inputs, the laws on every loss.

    Errors are shares of the budget; with --verbose they are in units of eps * scale.
    """
    _import_modules(module or [])
    _try_to_write(json_file, html_file)
    to_html = None if html_file is None else _page()
    quick = not (loss or full or thorough or recompute)
    started = perf_counter()
    options = {
        "backends": backend or [],
        "dtypes": dtype or [],
        "devices": device or [],
        "thorough": thorough,
        "quick": quick,
        "recompute": recompute,
        "modules": module or [],
        "isolated": isolate,
    }
    cells = _check(_find([*(loss or ()), *_families(family)] if loss or family else list(names())), options, jobs)
    from lossspec.conformance import report

    _print(cells, rows_of_losses=verbose or bool(loss))
    seconds = f"{perf_counter() - started:.0f} s"
    more = "; --full runs all cases and laws" if quick else ""
    every = "" if verbose or loss else "; every cell: --verbose, or --html matrix.html"
    console.print(f"{report.summary(cells)} in {seconds}{more}{every}", highlight=False, soft_wrap=True)
    if json_file is not None:
        json_file.write_text(report.to_json(cells))
    if html_file is not None and to_html is not None:
        html_file.write_text(to_html(cells, report.environment()))
    if _stub_is_due():
        console.print("Type checkers do not know these losses yet: python -m tests.losses_stub", highlight=False)
    ran = [cell for cell in cells if cell.status != "not run"]
    known = {cell.backend for cell in ran} | {cell.device for cell in ran}
    missed = [name for name in (*(backend or ()), *(device or ())) if name not in known]
    if missed:
        console.print(f"Nothing ran on {' and '.join(missed)}, which was asked for.", markup=False)
    failed = any(cell.status == "fail" for cell in cells)
    raise typer.Exit(1 if failed or missed or not ran else 0)


def _stub_is_due() -> bool:
    """Say whether this is a source tree whose types of the losses are older than their contracts."""
    script = Path(__file__).parents[1] / "tests" / "losses_stub.py"
    if not script.is_file():
        return False
    stub = runpy.run_path(str(script))
    return bool(stub["FILE"].read_text("utf-8") != stub["text"]())


@app.command("vectors")
def vectors_of(
    loss: Names = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the files and their schema into this folder.")
    ] = None,
    recompute: Annotated[
        bool, typer.Option(help="Prove the files against the oracle; exit status 1 if one is wrong.")
    ] = False,
    redraw: Annotated[bool, typer.Option(help="Draw the inputs of cases anew.")] = False,
    module: Annotated[list[str] | None, typer.Option(help="A module to import first, with losses of your own.")] = None,
) -> None:
    """Write the files of calls and their right results that programs in any language can be judged by.

    Without an option, bring those of a source tree up to date: what is missing or stale is computed.
    """
    if (out is not None) + recompute + redraw > 1:
        raise typer.BadParameter("--out, --recompute and --redraw exclude each other")
    _import_modules(module or [])
    losses = _find(loss or list(names()))
    _require_definitions(losses)
    from lossspec.conformance import proof
    from lossspec.conformance.store import Store

    store = Store(recompute=recompute, redraw=redraw)
    with progress_bar() as progress:
        _ask_oracle(store, losses, [], progress)
        wrong = [problem for one in losses for problem in proof.contradictions(one, store)] if recompute else []
    try:
        writing = proof.update(losses, store) if out is None else proof.export(losses, store, out)
        written = [] if recompute else list(writing)
        gone = proof.remove_gone() if not (loss or out or recompute) else []
    except (OSError, LossSpecError) as error:
        raise typer.BadParameter(str(error)) from None
    for path in written:
        console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)
    for one in losses:
        if store.news(one) and not recompute:
            console.print(f"{one.contract.name}: {store.news(one)}", markup=False, highlight=False, soft_wrap=True)
    for name in gone:
        console.print(f"removed: {name}", markup=False, highlight=False)
    for problem in wrong:
        console.print(problem, markup=False, highlight=False, soft_wrap=True)
    if recompute:
        console.print(f"{store.computed} results computed; {len(wrong)} differences", highlight=False)
    raise typer.Exit(1 if wrong else 0)


def _require_definitions(losses: list[Loss]) -> None:
    try:
        from lossspec.conformance.oracle import definition_of
    except ImportError as missing:
        raise MissingExtraError(f'checking needs {missing.name}: pip install "lossspec[check]"') from None
    for loss in losses:
        try:
            definition_of(loss)
        except ContractError as error:
            raise typer.BadParameter(str(error)) from None


def _ask_oracle(store: Store, losses: list[Loss], dtypes: list[str], progress: Progress) -> None:
    """Have the oracle compute what a store lacks."""
    from lossspec.conformance.store import solve_all
    from lossspec.conformance.vectors import DTYPES

    oracle = progress.add_task("oracle", total=None)
    try:
        for done, total in solve_all(store, losses, dtypes or list(DTYPES)):
            progress.update(oracle, completed=done, total=total)
    except FormatError as error:  # a file that holds no vectors, as after a merge that went wrong
        raise typer.BadParameter(str(error)) from None
    progress.remove_task(oracle)


MOST_FAILED_CELLS = 10
"""Of so many failed cells the first failure is told where rows are families."""


def _print(cells: list[Cell], rows_of_losses: bool) -> None:
    """The matrix with its notes: a row for each loss with its errors, or for each family with its worst share."""
    from lossspec.conformance import report

    if rows_of_losses:
        console.print("Worst error of values / of gradients / of Hessians, in units of eps * scale:")
        for table in report.tables(cells, console):
            console.print(table)
    elif any(cell.status != "not run" for cell in cells):
        console.print(report.families(cells))
    for line in report.notes(cells, None if rows_of_losses else MOST_FAILED_CELLS):
        console.print(line, markup=False, highlight=False)


def _find(wanted: list[str]) -> list[Loss]:
    try:
        return [get(name) for name in wanted]
    except LossSpecError as error:
        raise typer.BadParameter(str(error)) from None


def _families(wanted: Sequence[str] | None) -> list[str]:
    """The names of the losses of some families."""
    known = {name: get(name).contract.family for name in names()}
    found = [family.replace(" ", "_") for family in wanted or ()]
    for family in found:
        _expect_one_of(family, sorted({*known.values()}))
    return [name for name, family in known.items() if family in found]


def _expect_one_of(name: str, known: Sequence[str]) -> None:
    if name not in known:
        near = get_close_matches(name, known, 1, 0.4)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(known)}.{hint}")


def _import_modules(modules: list[str]) -> None:
    from importlib import import_module

    if modules and "" not in sys.path:
        sys.path.insert(0, "")  # the current folder, as for `python -m`
    for module in modules:
        try:
            import_module(module)
        except Exception as error:  # whatever the code of a user raises
            raise typer.BadParameter(f"{module} does not import: {type(error).__name__}: {error}") from None


def _try_to_write(*paths: Path | None) -> None:
    problem = unwritable(*paths)
    if problem:
        raise typer.BadParameter(problem)


def _page() -> Callable[[Sequence[Cell], Mapping[str, str]], str]:
    """The function that writes a page; refuse, before the minutes of a run, where its library is missing."""
    try:
        from lossspec.conformance.page import page
    except MissingExtraError as error:
        raise typer.BadParameter(str(error)) from None
    return page


def _check(losses: list[Loss], options: Mapping[str, Any], jobs: str) -> list[Cell]:
    """The cells of a check, in the order of the losses, with a bar of the progress on a terminal."""
    _require_definitions(losses)
    from lossspec.conformance.matrix import columns as places
    from lossspec.conformance.run import Check, fill, processes
    from lossspec.conformance.vectors import DTYPES

    for given, known in ((options["backends"], places()), (options["dtypes"], list(DTYPES))):
        for name in given:
            _expect_one_of(name, known)
    order = {loss.contract.name: index for index, loss in enumerate(losses)}
    cells: list[Cell] = []
    with progress_bar() as progress:
        task = progress.add_task("checking", total=len(losses))
        try:
            for step in fill(Check(list(order), **options), processes(jobs)):
                progress.update(task, description=step.doing, completed=step.done, total=step.total)
                cells.extend(step.cells)
                if step.kept:
                    progress.console.print(step.kept, soft_wrap=True, markup=False, highlight=False)
        except LossSpecError as error:
            raise typer.BadParameter(str(error)) from None
    return sorted(cells, key=lambda cell: order[cell.loss])


register(app)
register_needs(app)
