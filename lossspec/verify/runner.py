"""A target that is a program: started, asked on JSON lines, timed out, started anew where it breaks down."""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

from lossspec.loss import Loss
from lossspec.verify.arguments import TargetError
from lossspec.verify.protocol import (
    PROTOCOL,
    RubbishError,
    brief,
    decode_answer,
    dumps,
    encode_question,
    loads,
)
from lossspec.verify.questions import Answer, Question

SECONDS = 20.0
"""The time that a reply may take, the start of the program included."""
BREAKDOWNS = 5
"""The number of breakdowns after which a program is not started again."""
LONGEST_LINE = 64 << 20


class Breakdown(Exception):  # noqa: N818 - it is the outcome of a question
    """The way in which a program failed to reply."""


class RunnerTarget:
    """A program that speaks the protocol of `lossspec.verify.protocol`."""

    def __init__(self, command: str | Sequence[str], seconds: float = SECONDS, name: str = "") -> None:
        try:
            self.command = shlex.split(command) if isinstance(command, str) else list(command)
        except ValueError as error:
            raise TargetError(f"--runner {command}: {error}") from None
        if not self.command:
            raise TargetError("--runner needs a command")
        self.name = name or shlex.join(self.command)
        self.seconds = seconds
        self.reductions: tuple[str, ...] = ("none",)
        self.facts: dict[str, str] = {}
        self.breakdowns = 0
        self._process: _Process | None = None

    def describe(self) -> Mapping[str, str]:
        """Return what the program says of itself."""
        return {"runner": shlex.join(self.command), **self.facts, "reduction": ", ".join(self.reductions)}

    def prepare(self, loss: Loss) -> None:
        """Start the program and read what it says of itself; it may be asked about one loss after the other."""
        try:
            hello = self._started().hello
        except Breakdown as breakdown:
            raise TargetError(f"{self.name}: {breakdown}") from None
        losses = hello.get("losses")
        if isinstance(losses, list) and loss.contract.name not in losses:
            raise TargetError(f"{self.name} has no {loss.contract.name}; it has {', '.join(map(str, losses[:40]))}")
        given = hello.get("reductions", ["none"])
        if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given):
            raise TargetError(f"{self.name}: `reductions` is {brief(given)}, and no list of names")
        unknown = [name for name in given if name not in loss.contract.reductions]
        self.reductions = tuple(name for name in given if name not in unknown)
        if not self.reductions:
            raise TargetError(f"{self.name} has the reductions {given}; {loss.contract.name} has none of them")
        self.facts = {
            k: str(hello[k])[:200] for k in ("name", "language", "version", "framework", "arguments") if k in hello
        }

    def ask(self, question: Question) -> Answer:
        """Return the answer of the program, or the way in which it broke down."""
        if self.breakdowns >= BREAKDOWNS:
            return Answer(skipped=f"the runner is given up after {BREAKDOWNS} breakdowns")
        try:
            reply = self._started().reply(dumps(encode_question(question)))
            return decode_answer(reply, question)
        except RubbishError as rubbish:
            return self._broken(f"the runner writes rubbish: {rubbish}")
        except Breakdown as breakdown:
            return self._broken(str(breakdown))

    def close(self) -> None:
        """End the program: by its protocol, or else by force."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _broken(self, words: str) -> Answer:
        self.breakdowns += 1
        if self._process is not None:
            self._process.kill()
            self._process = None
        return Answer(failure=words)

    def _started(self) -> _Process:
        if self._process is None:
            self._process = _Process(self.command, self.seconds)
        return self._process


class _Process:
    def __init__(self, command: list[str], seconds: float) -> None:
        self.seconds = seconds
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        try:
            self._popen = subprocess.Popen(  # noqa: S603 - the command is what the user asks for; no shell reads it
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            raise Breakdown(f"it does not start: {error.strerror}: {command[0]}") from None
        self._lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            hello = self.reply(dumps({"do": "start", "protocol": PROTOCOL}))
        except RubbishError as rubbish:
            self.kill()
            raise Breakdown(f"it writes rubbish: {rubbish}") from None
        except Breakdown:
            self.kill()
            raise
        if not isinstance(hello, dict):
            self.kill()
            raise Breakdown(f"it writes rubbish: {brief(hello)} is no reply to a start")
        self.hello: dict[str, Any] = hello

    def _read(self) -> None:
        """Pass on the lines of the program; an empty one at its end."""
        assert self._popen.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while line := self._popen.stdout.readline(LONGEST_LINE):
                self._lines.put(line)
        self._lines.put(b"")

    def reply(self, request: str) -> Any:
        assert self._popen.stdin is not None
        sender = threading.Thread(target=self._send, args=(request,), daemon=True)
        sender.start()  # a program that reads nothing blocks the sender and not us
        try:
            line = self._lines.get(timeout=self.seconds)
        except queue.Empty:
            raise Breakdown(f"the runner hangs: no reply in {self.seconds:g} s") from None
        if not line:
            raise Breakdown(self._end())
        return loads(line.decode("utf-8", "replace"))

    def _send(self, request: str) -> None:
        assert self._popen.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # its end is seen where the reply is missed
            self._popen.stdin.write(request.encode() + b"\n")
            self._popen.stdin.flush()

    def _end(self) -> str:
        """The end of the program in words, with the last line of its errors."""
        try:
            status = self._popen.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return "the runner closed its output"
        self._errors.seek(0)
        lines = self._errors.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
        said = f": {brief(lines[-1])}" if lines else ""
        if status < 0:
            return f"the runner crashed by {signal.Signals(-status).name}{said}"
        return f"the runner ended with status {status}{said}"

    def stop(self) -> None:
        self._send(dumps({"do": "stop"}))
        with contextlib.suppress(OSError):
            assert self._popen.stdin is not None
            self._popen.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout=2)
        self.kill()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
            os.killpg(self._popen.pid, signal.SIGKILL)  # it is the leader of its own session
        with contextlib.suppress(OSError):
            self._popen.kill()
        self._popen.wait()
        for stream in (self._popen.stdin, self._popen.stdout, self._errors):
            with contextlib.suppress(OSError, ValueError):
                if stream is not None:
                    stream.close()
