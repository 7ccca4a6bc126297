"""The command `lossspec needs`: what a namespace must have, and what one lacks."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Annotated

import typer

from lossspec.errors import LossSpecError
from lossspec.registry import get, names


def needs(
    loss: Annotated[list[str] | None, typer.Option("--loss", "-l", help="A loss, or all; repeat for more.")] = None,
    gradients: Annotated[bool, typer.Option(help="With what the tape needs for a framework without autodiff.")] = True,
    against: Annotated[str, typer.Option(help="A module to look through; prints what it lacks.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: keywords by function.")] = False,
) -> None:
    """The functions and keywords that an Array API namespace must have to run the losses.

    With --against MODULE, those that a module lacks; exit status 1 if there are any.
    """
    from lossspec.conformance.needs import lacking
    from lossspec.conformance.needs import needs as record

    try:
        losses = [get(name) for name in loss or names()]
        module = import_module(against) if against else None
    except (LossSpecError, ImportError) as error:
        raise typer.BadParameter(str(error)) from None
    needed = record(losses, gradients)
    if module is not None:
        missing = list(lacking(module, needed))
        print("\n".join(missing) or f"{against} has all of {len(needed)} functions and constants.")
        raise typer.Exit(1 if missing else 0)
    if as_json:
        print(json.dumps({name: sorted(keywords) for name, keywords in needed.items()}, indent=1))
        return
    for name, keywords in needed.items():
        print(f"{name:<24} {', '.join(f'{keyword}=' for keyword in sorted(keywords))}".rstrip())


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(needs)
