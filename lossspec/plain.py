"""The command line without its extra: `list`, `show`, `port` and `doctor` in plain text, by the standard library."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Iterable, Sequence

from lossspec import describe
from lossspec.dialects.port import port
from lossspec.errors import LossSpecError
from lossspec.registry import get

WIDTH = 120
OF_THE_EXTRA = {
    "check": "Check losses against the oracle",
    "verify": "Judge anybody's loss",
    "identify": "Name the loss that a function computes",
    "vectors": "Write calls and their right results",
    "needs": "What a namespace must have",
    "export": "Write a model of ONNX",
}
"""The commands that need the extra."""


def main(missing: str, arguments: Sequence[str] | None = None) -> None:
    """Run the command line where the package `missing` of the extra `check` is not installed."""
    needs = f'needs {missing}: pip install "lossspec[check]"'
    parser = argparse.ArgumentParser("lossspec", description="Losses specified once.", epilog=f"The rest {needs}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="All losses by family.")
    show = commands.add_parser("show", help="The contract of one loss.")
    show.add_argument("name", help="A loss by its name, or by the name another library gives it.")
    show.add_argument("--json", action="store_true", help="The contract as JSON.")
    ported = commands.add_parser("port", help="The equal calls of other libraries.")
    ported.add_argument("call", help="A call, as 'F.cross_entropy(x, y)', or a file with calls.")
    ported.add_argument("--to", help="Libraries, with commas between them.", default="torch,optax,keras,sklearn")
    commands.add_parser("doctor", help="The backends: found or not, their versions and devices.")
    for name, purpose in OF_THE_EXTRA.items():
        commands.add_parser(name, help=f"{purpose}; needs the extra.", add_help=False)
    asked, rest = parser.parse_known_args(arguments)
    if asked.command in OF_THE_EXTRA:
        raise SystemExit(f"`lossspec {asked.command}` {needs}")
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if asked.command == "list":
        print_losses()
    elif asked.command == "doctor":
        print_table(describe.BACKENDS, describe.backends())
    else:
        try:
            show_loss(asked.name, asked.json) if asked.command == "show" else print_ported(asked.call, asked.to)
        except (LossSpecError, OSError) as error:
            parser.error(str(error))


def print_losses() -> None:
    """Print the name and the summary of every loss, by family."""
    families, width = describe.by_family()
    for family, contracts in families.items():
        print(family)
        for contract in contracts:
            print(f"  {contract.name:<{width}}  {contract.summary} {contract.form}, per {contract.unit}")


def show_loss(name: str, as_json: bool) -> None:
    """Print the contract of one loss, then its docstring."""
    loss = get(name)
    contract = loss.contract
    if as_json:
        print(json.dumps(contract.to_dict(), indent=1))
        return
    print(f"{contract.name}  {contract.summary}\n")
    print_table(describe.ARGUMENTS, describe.arguments(contract))
    print()
    for key, value in describe.facts(contract).items():
        print(f"{key:<12} {value}")
    if contract.equals:
        print()
        print_table(describe.EQUAL_CALLS, describe.equal_calls(contract))
    lines, example = describe.text(loss)
    for line in lines:
        print(textwrap.fill(line, WIDTH))
    print(f"\n{example}")


def print_ported(call: str, to: str) -> None:
    """Print the equal calls of other libraries, and what differs."""
    for ported in port(call, to):
        print(ported, *(f"  # {difference}" for difference in ported.differs), sep="\n")


def print_table(headings: describe.Row, rows: Iterable[describe.Row]) -> None:
    """Print rows with the columns one below the other; the last column is as long as it is."""
    lines = [headings, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
