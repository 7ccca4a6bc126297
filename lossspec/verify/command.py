"""The commands `lossspec verify` and `lossspec identify`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from lossspec.errors import LossSpecError
from lossspec.loss import Loss
from lossspec.outputs import unwritable
from lossspec.progress import progress_bar
from lossspec.registry import get

STYLES = {"good": "green", "bad": "red", "dim": "dim", "head": "bold"}


def verify(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="package.module:function (or a module class), library:name, as torch:cross_entropy, or library:, "
            "as torch:, for all of its calls that losses declare as equal."
        ),
    ] = None,
    loss: Annotated[
        str, typer.Option("--as", help="The loss that they are said to be; for one library's name, its own.")
    ] = "",
    runner: Annotated[list[str] | None, typer.Option(help="A program that speaks JSON lines; repeat for more.")] = None,
    maps: Annotated[list[str] | None, typer.Option("--map", help="An argument, OURS=THEIRS; repeat for more.")] = None,
    framework: Annotated[str, typer.Option(help="The backend whose arrays they take; found out if not given.")] = "",
    reduction: Annotated[str, typer.Option(help="The reduction that they compute; found out if not given.")] = "",
    gradient: Annotated[
        str, typer.Option(help="package.module:function, the gradient of a target that no framework differentiates.")
    ] = "",
    level: Annotated[
        list[str] | None, typer.Option(help="L1 values, L2 reductions, L3 gradients, L4 Hessians, L5 laws.")
    ] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="float32 or float64; repeat for both.")] = None,
    budget: Annotated[
        float | None, typer.Option(help="Errors up to here pass, in eps * scale; the contract says 4 and 8.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that a program may take for a reply.")] = 20.0,
    isolate: Annotated[bool, typer.Option(help="Run each target in a process of its own, which may crash.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report to this file as JSON.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write the report to this file as a page.")] = None,
    badge_file: Annotated[
        Path | None, typer.Option("--badge", help="Write a badge to this file, as shields.io reads it.")
    ] = None,
) -> None:
    """Judge anybody's loss: who is right, where they differ first, and the likely cause.

    Exit status 0 if all targets are right, 1 if one is wrong, 2 if one could not be run.
    """
    from lossspec.verify.find import find_target, isolated, loss_of
    from lossspec.verify.judge import LEVELS
    from lossspec.verify.questions import Target
    from lossspec.verify.report import badge, lines, to_json
    from lossspec.verify.run import verify as run
    from lossspec.verify.runner import RunnerTarget

    words = targets or []
    if not words and not runner:
        raise typer.BadParameter("name a target, or a program with --runner")
    whole = [word.removesuffix(":") for word in words if word.endswith(":")]
    for given, known in ((level, tuple(LEVELS)), (dtype, ("float32", "float64"))):
        for name in given or ():
            if name not in known:
                raise typer.BadParameter(f"{name!r} is not one of {', '.join(known)}")
    if budget is not None and not budget > 0:
        raise typer.BadParameter("--budget is a positive number of eps * scale")
    if problem := unwritable(json_file, html_file, badge_file):
        raise typer.BadParameter(problem)
    if whole:
        alone = len(whole) == len(words) and not (runner or maps or framework or reduction or gradient or isolate)
        if not alone or html_file or badge_file:
            raise typer.BadParameter(
                "a whole library is judged alone, with --as, --level, --dtype, --budget and --json"
            )
        raise typer.Exit(_whole(whole, _loss(loss) if loss else None, level, dtype, budget, json_file))
    found: Loss | None = _loss(loss) if loss else next(filter(None, map(loss_of, words)), None)
    if found is None:
        raise typer.BadParameter("say which loss it should be: --as NAME. `lossspec identify` finds out")
    if gradient and (len(words) != 1 or loss_of(words[0]) is not None):
        raise typer.BadParameter("--gradient goes with one function of one's own")
    made: list[tuple[str, Callable[[], Target]]] = []
    for one in words:
        if isolate:
            made.append((one, partial(isolated, one, found, framework, maps or (), reduction, gradient, timeout)))
        else:
            made.append((one, partial(find_target, one, found, framework, maps or (), reduction, gradient)))
    made += [(command, partial(RunnerTarget, command, timeout)) for command in runner or ()]
    try:
        report = run(made, found, level or tuple(LEVELS), dtype or ("float32", "float64"), budget)
    except LossSpecError as error:
        raise typer.BadParameter(str(error)) from None
    console = Console(soft_wrap=True)
    for style, line in lines(report):
        console.print(Text(line, style=STYLES.get(style, "")))
    if json_file is not None:
        json_file.write_text(to_json(report), "utf-8")
    if badge_file is not None:
        badge_file.write_text(badge(report), "utf-8")
    if html_file is not None:
        from lossspec.verify.page import page

        html_file.write_text(page(report), "utf-8")
    raise typer.Exit(report.status)


def _whole(
    libraries: list[str],
    loss: Loss | None,
    levels: list[str] | None,
    dtypes: list[str] | None,
    budget: float | None,
    json_file: Path | None,
) -> int:
    """Judge all declared calls of libraries, a line as each is done; return the exit status."""
    from lossspec.verify.judge import LEVELS
    from lossspec.verify.library import calls_of, counts, lines, to_json

    try:
        calls = [call for library in libraries for call in calls_of(library, loss)]
    except LossSpecError as error:
        raise typer.BadParameter(str(error)) from None
    console, reports = Console(soft_wrap=True), []
    with progress_bar() as progress:
        task = progress.add_task("calls", total=len(calls))
        for call in calls:
            report = call.judged(levels or tuple(LEVELS), dtypes or ("float32", "float64"), budget)
            reports.append(report)
            for style, line in lines(call, report):
                console.print(Text(line, style=STYLES.get(style, "")))
            progress.advance(task)
    console.print(counts(reports))
    if json_file is not None:
        json_file.write_text(to_json(reports), "utf-8")
    return max((report.status for report in reports if report.status < 2), default=2)


def identify(
    target: Annotated[str, typer.Argument(help="package.module:function.")],
    framework: Annotated[str, typer.Option(help="The backend whose arrays it takes; found out if not given.")] = "",
    most: Annotated[int, typer.Option(help="The number of candidates to show.")] = 5,
) -> None:
    """Name the loss, factor, reduction and order of arguments that a function computes."""
    from lossspec.verify.callables import load
    from lossspec.verify.identify import identify as find

    try:
        found = find(load(target), framework)
    except LossSpecError as error:
        raise typer.BadParameter(str(error)) from None
    console = Console(soft_wrap=True)
    for match in found[:most]:
        console.print(Text(str(match)))
    if not found:
        console.print("No loss of the catalogue computes this, at the defaults of its parameters.")
    raise typer.Exit(0 if found else 1)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(verify)
    app.command()(identify)


def _loss(name: str) -> Loss:
    try:
        return get(name)
    except LossSpecError as error:
        raise typer.BadParameter(str(error)) from None
