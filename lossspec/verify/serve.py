"""A Python target as a runner: `python -m lossspec.verify.serve package.module:function --as huber`.

It is the other end of `lossspec.verify.runner`, and keeps a target that may crash in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence

from lossspec.errors import LossSpecError
from lossspec.registry import get
from lossspec.verify.find import find_target
from lossspec.verify.protocol import decode_question, dumps, encode_answer, loads


def main(arguments: Sequence[str] | None = None) -> None:
    """Answer the requests on standard input until it ends."""
    parser = argparse.ArgumentParser("lossspec.verify.serve", description="Serve a Python loss on JSON lines.")
    parser.add_argument("target", help="package.module:function, or library:name.")
    parser.add_argument("--as", dest="loss", required=True, help="The loss that it is said to be.")
    parser.add_argument("--framework", default="", help="The backend whose arrays it takes.")
    parser.add_argument("--map", action="append", default=[], help="OURS=THEIRS; repeat for more.")
    parser.add_argument("--reduction", default="", help="The reduction that it computes.")
    parser.add_argument("--gradient", default="", help="package.module:function, which gives its gradients.")
    asked = parser.parse_args(arguments)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the target prints is no reply
    try:
        loss = get(asked.loss)
        target = find_target(asked.target, loss, asked.framework, asked.map, asked.reduction, asked.gradient)
        target.prepare(loss)
    except LossSpecError as error:
        raise SystemExit(str(error)) from None
    for line in sys.stdin:
        request = loads(line)
        if request["do"] == "stop":
            break
        if request["do"] == "start":
            reply = {"language": "Python", "losses": [loss.contract.name], **target.describe()}
            reply["reductions"] = list(target.reductions)
        else:
            with contextlib.redirect_stdout(sys.stderr):
                reply = encode_answer(target.ask(decode_question(request)))
        print(dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
