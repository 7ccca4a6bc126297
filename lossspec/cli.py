"""The command line with the extra `check`: list | show | port | check | doctor; `plain.py` is the one without."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lossspec import describe
from lossspec.conformance.needs_command import register as register_needs
from lossspec.dialects.port import port as port_call
from lossspec.errors import ContractError, LossSpecError, MissingExtraError
from lossspec.outputs import unwritable
from lossspec.registry import get, names
from lossspec.verify.command import register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lossspec.conformance.matrix import Cell
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
    call: Annotated[str, typer.Argument(help="A call of another library, as 'F.cross_entropy(x, y)'.")],
    to: Annotated[str, typer.Option("--to", help="Libraries, with commas between them.")] = "torch,optax,keras,sklearn",
) -> None:
    """The equal calls of other libraries, and what differs; nothing is evaluated."""
    try:
        found = port_call(call, to)
    except ContractError as error:
        raise SystemExit(str(error)) from None
    for ported in found:
        console.print(escape(str(ported)), highlight=False, soft_wrap=True)
        for difference in ported.differs:
            console.print(f"[dim]  # {escape(difference)}[/dim]", highlight=False, soft_wrap=True)


@app.command()
def doctor(
    kernels: Annotated[
        bool, typer.Option("--kernels", help="Say for every loss whether a kernel computes it.")
    ] = False,
) -> None:
    """List the backends: found or not, their versions and devices."""
    console.print(_table(("loss", "kernel"), _kernels()) if kernels else _table(describe.BACKENDS, describe.backends()))


def _kernels() -> Iterator[describe.Row]:
    """The losses whose value and gradient a kernel computes, and why no kernel computes the others."""
    from lossspec.conformance.cases import make_cases
    from lossspec.kernels.front import reason

    for name in names():
        loss = get(name)
        case = make_cases(loss.contract, np.float32)[0]
        wrt = tuple(n for n, x in case.inputs.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f")
        why = reason(cast(Any, loss), "value_and_grad", (), {**case.inputs, **case.parameters}, wrt)
        yield name, f"no: {why}" if why else "yes"


def _table(headings: describe.Row, rows: Iterable[describe.Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


@app.command()
def check(
    loss: Names = None,
    backend: Annotated[
        list[str] | None, typer.Option("--backend", "-b", help="A backend, or numpy+kernels; repeat for more.")
    ] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="float32 or float64; repeat for both.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="A device, as `lossspec doctor` lists them.")] = None,
    module: Annotated[list[str] | None, typer.Option(help="A module to import first, with losses of your own.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the matrix to this file as JSON.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write the matrix to this file as a page.")] = None,
    thorough: Annotated[
        bool, typer.Option(help="All cases and laws in both dtypes, also where a framework compiles each for seconds.")
    ] = False,
    recompute: Annotated[
        bool, typer.Option(help="Evaluate the oracle anew instead of reading stored results.")
    ] = False,
    isolate: Annotated[
        bool, typer.Option(help="Fill each cell in a process of its own: a framework that crashes costs one cell.")
    ] = False,
) -> None:
    """Check losses against the oracle and the laws; exit status 1 if a cell fails.

    Every loss runs on every backend that is found, in float32 and float64, on generated and on real inputs, and each
    cell shows its worst error in units of eps * scale. What cannot run says why.
    """
    _import_modules(module or [])
    for path in filter(None, (json_file, html_file)):
        _try_to_write(path)
    to_html = None if html_file is None else _page()
    alone = tuple(module or ()) if isolate else None
    cells = _check(_find(loss or list(names())), backend or [], dtype or [], device or [], thorough, recompute, alone)
    from lossspec.conformance import report

    console.print("Worst error of values / of gradients / of Hessians, in units of eps * scale:")
    for table in report.tables(cells, console):
        console.print(table)
    for line in report.notes(cells):
        console.print(line, markup=False, highlight=False)
    console.print(report.summary(cells), highlight=False)
    if json_file is not None:
        json_file.write_text(report.to_json(cells))
    if html_file is not None and to_html is not None:
        html_file.write_text(to_html(cells, report.environment()))
    ran = [cell for cell in cells if cell.status != "not run"]
    known = {cell.backend for cell in ran} | {cell.device for cell in ran}
    missed = [name for name in (*(backend or ()), *(device or ())) if name not in known]
    if missed:
        console.print(f"Nothing ran on {' and '.join(missed)}, which was asked for.", markup=False)
    failed = any(cell.status == "fail" for cell in cells)
    raise typer.Exit(1 if failed or missed or not ran else 0)


def _find(wanted: list[str]) -> list[Loss]:
    try:
        return [get(name) for name in wanted]
    except LossSpecError as error:
        raise typer.BadParameter(str(error)) from None


def _import_modules(modules: list[str]) -> None:
    from importlib import import_module

    if modules and "" not in sys.path:
        sys.path.insert(0, "")  # the current folder, as for `python -m`
    for module in modules:
        try:
            import_module(module)
        except Exception as error:  # whatever the code of a user raises
            raise typer.BadParameter(f"{module} does not import: {type(error).__name__}: {error}") from None


def _try_to_write(path: Path) -> None:
    problem = unwritable(path)
    if problem:
        raise typer.BadParameter(problem)


def _page() -> Callable[[Sequence[Cell], Mapping[str, str]], str]:
    """The function that writes a page; refuse, before the minutes of a run, where its library is missing."""
    try:
        from lossspec.conformance.page import page
    except MissingExtraError as error:
        raise typer.BadParameter(str(error)) from None
    return page


def _check(
    losses: list[Loss],
    backend_names: list[str],
    dtypes: list[str],
    devices: list[str],
    thorough: bool,
    recompute: bool,
    alone: Sequence[str] | None = None,
) -> list[Cell]:
    """Fill the cells; each in a process of its own that imports the modules `alone`, unless these are None."""
    try:
        from lossspec.conformance.expected import DTYPES, Store, solve_all
        from lossspec.conformance.isolated import run_isolated
        from lossspec.conformance.matrix import columns as places
        from lossspec.conformance.matrix import plan, run_cell
        from lossspec.conformance.oracle import definition_of
    except ImportError as missing:
        raise MissingExtraError(f'checking needs {missing.name}: pip install "lossspec[check]"') from None
    for loss in losses:
        try:
            definition_of(loss)
        except ContractError as error:
            raise typer.BadParameter(str(error)) from None
    for given, known in ((backend_names, places()), (dtypes, list(DTYPES))):
        for name in given:
            if name not in known:
                raise typer.BadParameter(f"{name!r} is not one of {', '.join(known)}")
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    jobs = plan(losses, backend_names, dtypes, devices)
    store = Store(recompute)
    cells = []
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        oracle = progress.add_task("oracle", total=None)
        for done, total in solve_all(store, losses, dtypes or list(DTYPES)):
            progress.update(oracle, completed=done, total=total)
        progress.remove_task(oracle)
        for path in filter(None, map(store.save, losses)):
            progress.console.print(f"The oracle's results are new, and kept in {path}.", soft_wrap=True)
        task = progress.add_task("checking", total=len(jobs))
        for job in jobs:
            progress.update(task, description=f"{job.loss.contract.name} on {job.backend.name} {job.dtype}")
            cells.append(run_cell(job, store, thorough) if alone is None else run_isolated(job, thorough, alone))
            progress.advance(task)
    return cells


register(app)
register_needs(app)
