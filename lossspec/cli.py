"""The command line: lossspec list | show | check | doctor."""

from __future__ import annotations

import inspect
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from lossspec.dispatch import all_backends, broken_backends
from lossspec.errors import ContractError, LossSpecError, MissingExtraError
from lossspec.registry import get, names

try:
    import typer
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table
except ImportError as missing:
    raise SystemExit(f'lossspec needs {missing.name} for its command line: pip install "lossspec[check]"') from None

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossspec.conformance.matrix import Cell
    from lossspec.contract import Equal
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
    """All losses: what each one computes, its family, unit and form."""
    contracts = [get(name).contract for name in names()]
    for family in dict.fromkeys(contract.family for contract in contracts):
        console.print(f"[bold]{family}[/bold]")
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 2))
        table.add_column(no_wrap=True, width=max(len(contract.name) for contract in contracts))
        for contract in contracts:
            if contract.family == family:
                table.add_row(contract.name, f"{contract.summary} [dim]{contract.form}, per {contract.unit}[/dim]")
        console.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A loss by its name, or by the name another library gives it.")],
    as_json: Annotated[bool, typer.Option("--json", help="The contract as JSON.")] = False,
) -> None:
    """The contract of one loss: formula, shapes, domains, weights, source."""
    loss = _find([name])[0]
    contract = loss.contract
    if as_json:
        print(json.dumps(contract.to_dict(), indent=1))
        return
    console.print(f"[bold]{contract.name}[/bold]  {escape(contract.summary)}\n")
    table = Table(box=None, pad_edge=False)
    for heading in ("argument", "term", "domain", "default"):
        table.add_column(heading)
    for argument in contract.arguments:
        default = "" if argument.default is inspect.Parameter.empty else repr(argument.default)
        for term in argument.terms or (None,):
            kind = str(argument).partition(" = ")[0] if term is None else str(term)
            kind = f"list of {kind}" if argument.many else kind
            table.add_row(argument.name, escape(kind), escape(term.domain) if term else "", default)
    console.print(table)
    facts = {
        "unit": f"{contract.unit} {contract.result}",
        "form": contract.form + (f": {contract.why_coupled}" if contract.why_coupled else ""),
        "reductions": ", ".join("Mean(over=...)" if r == "over" else r for r in contract.reductions),
        "default": contract.default_reduction,
        "keywords": ", ".join(contract.tail),
        "entries": " or ".join(map(str, contract.entries)) or "not defined: whole units alone can be left out",
        "accuracy": str(contract.accuracy),
        "aliases": ", ".join(contract.aliases) or "none",
        "convex in": ", ".join(contract.convex_in) or "not declared",
        "invariant in": ", ".join(contract.invariant_in) or "not declared",
        "source": contract.source,
    }
    if contract.soft_labels:
        facts["soft labels"] = contract.soft_labels
    if contract.also:
        facts["also"] = "; ".join(f"{', '.join(called)}: {means}" for means, called in contract.other_meanings.items())
    console.print()
    for key, value in facts.items():
        console.print(f"[dim]{key:<11}[/dim] {escape(value)}")
    if contract.equals:
        console.print()
        console.print(_equal_calls(contract.equals))
    _, _, text = inspect.cleandoc(loss.__doc__ or "").partition("\n")
    words, _, example = text.partition(">>>")
    for line in re.sub(r"\n(?![\n]|[A-Z][\w ]*:)", " ", words.strip()).split("\n"):  # a line a subject, wrapped to fit
        console.print(escape(line.strip()))
    console.print(escape(f"\n>>>{example}".rstrip()), highlight=False)


def _equal_calls(equals: Sequence[Equal]) -> Table:
    """The calls of other libraries that compute the same, with what is known to differ."""
    table = Table(box=None, pad_edge=False)
    for heading in ("library", "equal call", "reduction", "differs"):
        table.add_column(heading)
    for equal in equals:
        when = "" if equal.when == "True" else f"  where {equal.when}"
        differs = "; ".join(f"{where}: {reason}" for where, reason in equal.differs.items())
        table.add_row(equal.peer, escape(equal.call + when), equal.reduction, escape(differs))
    return table


@app.command()
def doctor() -> None:
    """The backends: found or not, their versions and devices."""
    table = Table(box=None, pad_edge=False)
    for heading in ("backend", "found", "version", "devices", "autodiff"):
        table.add_column(heading)
    for backend in all_backends().values():
        there = backend.available()
        devices = ", ".join(backend.devices()) if there else ""
        found = "yes" if there else f"no: {there.reason}"
        table.add_row(
            backend.name,
            escape(found),
            there.version,
            devices,
            "its own" if backend.has_autodiff else "lossspec.autodiff",
        )
    for entry_point, why_not in broken_backends().items():
        table.add_row(escape(entry_point), escape(f"no: the plugin is broken: {why_not}"), "", "", "")
    console.print(table)


@app.command()
def check(
    loss: Names = None,
    backend: Annotated[list[str] | None, typer.Option("--backend", "-b", help="A backend; repeat for more.")] = None,
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
) -> None:
    """Check losses against the oracle and the laws; exit status 1 if a cell fails.

    Every loss runs on every backend that is found, in float32 and float64, on generated and on real inputs, and each
    cell shows its worst error in units of eps * scale. What cannot run says why.
    """
    _import_modules(module or [])
    for path in filter(None, (json_file, html_file)):
        _try_to_write(path)
    cells = _check(_find(loss or list(names())), backend or [], dtype or [], device or [], thorough, recompute)
    from lossspec.conformance import page, report

    console.print("Worst error of values / of gradients / of Hessians, in units of eps * scale:")
    for table in report.tables(cells, console):
        console.print(table)
    for line in report.notes(cells):
        console.print(line, markup=False, highlight=False)
    console.print(report.summary(cells), highlight=False)
    if json_file is not None:
        json_file.write_text(report.to_json(cells))
    if html_file is not None:
        html_file.write_text(page.page(cells, report.environment()))
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
    """Refuse a file that cannot be written, before the minutes that its content takes."""
    new = not path.exists()
    try:
        path.open("a").close()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}") from None
    if new:
        path.unlink()


def _check(
    losses: list[Loss],
    backend_names: list[str],
    dtypes: list[str],
    devices: list[str],
    thorough: bool,
    recompute: bool,
) -> list[Cell]:
    try:
        from lossspec.conformance.expected import DTYPES, Store, solve_all
        from lossspec.conformance.matrix import plan, run_cell
        from lossspec.conformance.oracle import definition_of
    except ImportError as missing:
        raise MissingExtraError(f'checking needs {missing.name}: pip install "lossspec[check]"') from None
    for loss in losses:
        try:
            definition_of(loss)
        except ContractError as error:
            raise typer.BadParameter(str(error)) from None
    for given, known in ((backend_names, list(all_backends())), (dtypes, list(DTYPES))):
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
            cells.append(run_cell(job, store, thorough))
            progress.advance(task)
    return cells


def main() -> None:
    """Run the command line."""
    app()
