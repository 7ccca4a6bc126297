"""From LLVM IR to a function of this process; compiled objects are kept in the user's cache folder.

An entry is found by a hash of the text, the processor with its features, the version of LLVM and the source of this
package. It is read only if it is a regular file of this user that nobody else may touch and if its own hash is right;
else the text is compiled anew. Entries are written beside their place and renamed, so that processes do not meet.
A cache that cannot be read or written is none.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import lossspec.backends
from lossspec.kernels.trace import Task

_MAGIC = b"lossspec kernel 1\n"

Kernel = Callable[[int, int, int, int], None]
"""Takes the address of a block, the first chunk, the one behind the last, and the address of buffers."""

_lock = threading.Lock()
_loaded: dict[str, Kernel] = {}


def _renew_lock() -> None:
    """Free the lock in a new process: the thread that may have held it is not there."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@cache
def available() -> str:
    """Say why nothing can be compiled here, or nothing."""
    try:
        import llvmlite.binding  # noqa: F401
    except Exception as error:  # a broken installation is none
        return f'llvmlite does not load ({error}): pip install "lossspec[fast]"'
    return ""


@cache
def _binding() -> Any:
    """LLVM, ready to compile for this machine."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@cache
def processor() -> tuple[str, str]:
    """The name of the processor and its features, as LLVM knows them."""
    llvm = _binding()
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


@cache
def _source() -> str:
    """A hash of the source of this package."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def key_of(text: str) -> str:
    """The key of the object of a module."""
    facts = (text, *processor(), ".".join(map(str, _binding().llvm_version_info)), _source())
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()


def compiled(text: str, is_loop: bool = False) -> Kernel:
    """The function `kernel` of a module; one that is small loops is worth all of LLVM's passes."""
    key = key_of(text)
    with _lock:
        if key not in _loaded:
            code = _read(key)
            if code is None:
                few = not is_loop and text.count("\n") >= _MANY_LINES and len(text) >= _MANY_CHARACTERS
                code = _compile(text.replace("@kernel(", f"@{_name(key)}("), *processor(), few)
                _write(key, code)
            _loaded[key] = _load(key, code)
        return _loaded[key]


def kept(key: str) -> Kernel | None:
    """The function of an object in the cache; None if it is not there."""
    with _lock:
        if key not in _loaded:
            code = _read(key)
            if code is None:
                return None
            _loaded[key] = _load(key, code)
        return _loaded[key]


def text_of(key: str, make: Callable[[], str]) -> str:
    """The text of a key in the cache, which is made if it is not there."""
    with _lock:
        found = kept_text(key)
        if found is None:
            found = make()
            _write(key, found.encode())
        return found


def kept_text(key: str) -> str | None:
    """The text of a key in the cache; None if it is not there."""
    found = _read(key)
    return None if found is None else found.decode()


# What is known of programs, so that none is recorded again in the next process.


@cache
def _package() -> str:
    """A hash of all source that a recording of a loss of the catalogue runs, and of the versions beneath."""
    import array_api_compat

    digest = hashlib.sha256(repr((sys.version, np.__version__, array_api_compat.__version__)).encode())
    for folder in (Path(__file__).parents[1], *map(Path, lossspec.backends.__path__)):
        for path in sorted(folder.rglob("*.py")):
            digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


def key_of_task(task: Task) -> str:
    """The key of what is known of a program; nothing where it is not known what it follows from.

    That is the source of the package, the versions of what it stands on, and the task in full. Code from elsewhere may
    call what is not seen here, and an option that is no plain number or text has no text that says all of it.
    """
    loss, function = task.loss, task.loss.declared.function
    plain = (bool, int, float, str, type(None))
    ours: Any = getattr(sys.modules.get(function.__module__), function.__name__, None)
    if not function.__module__.startswith("lossspec.losses.") or not hasattr(ours, "declared"):
        return ""
    declared = replace(
        loss.contract, parameters=ours.contract.parameters, default_reduction=ours.contract.default_reduction
    )
    if ours.declared.function is not function or declared != ours.contract:
        return ""
    if not all(kind in plain or (kind is tuple and all(type(y) in plain for y in x)) for _, kind, x in task.static):
        return ""
    usual = tuple(loss.declared.keywords)  # of a configured loss they are other ones
    if not all(type(x) in plain for x in usual):
        return ""
    of_task = task.arguments, task.static, task.wrt, task.order, task.how, task.whole, usual
    facts = (function.__module__, function.__qualname__, repr(of_task), *processor(), _package())
    return "facts-" + hashlib.sha256("\0".join(facts).encode()).hexdigest()


def recall(key: str) -> dict[str, Any] | None:
    """The record of a program that an earlier process kept, or None."""
    found = _read(key) if key else None
    return None if found is None else json.loads(found)


def remember(key: str, known: dict[str, Any]) -> None:
    """Keep what is known of a program."""
    if key:
        _write(key, json.dumps(known).encode())


def _machine(cpu: str, features: str, level: int = 3) -> Any:
    return _binding().Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=level)


_MANY_LINES, _MANY_CHARACTERS = 640, 95_000
"""A module of as many takes the few passes that its text needs, and a scheduler that looks less far: all of LLVM's take
two to four times as long, and save a twentieth to a tenth of the time of a run. Characters are many where lanes are."""


def _few_passes() -> Any:
    passes = _binding().create_new_module_pass_manager()
    passes.add_sroa_pass()  # places on the stack become registers
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    passes.add_loop_rotate_pass()
    passes.add_simplify_cfg_pass()
    passes.add_new_gvn_pass()
    passes.add_dead_code_elimination_pass()
    return passes


def _compile(text: str, cpu: str, features: str, few: bool = False) -> bytes:
    """The object of a module. Nothing here may change what a floating-point operation gives."""
    llvm = _binding()
    module = llvm.parse_assembly(text)
    module.verify()
    machine = _machine(cpu, features, 1 if few else 3)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    passes = _few_passes() if few else builder.getModulePassManager()
    passes.run(module, builder)
    code: bytes = machine.emit_object(module)
    return code


@cache
def _engine() -> Any:
    """The memory of all objects: one engine, for making one costs more than loading an object does."""
    llvm = _binding()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(*processor()))


def _load(key: str, code: bytes) -> Kernel:
    """The function of an object."""
    engine = _engine()
    engine.add_object_file(_binding().ObjectFileRef.from_data(code))
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
    return kind(engine.get_function_address(_name(key)))


def _name(key: str) -> str:
    """The name of the function of an object, which no other has."""
    return f"kernel_{key}"


# The cache on disk.


def folder() -> Path | None:
    """The folder of the objects; None on a system whose files have no owner."""
    if not hasattr(os, "geteuid"):
        return None
    try:
        from platformdirs import user_cache_path
    except ImportError:
        return None
    return Path(user_cache_path("lossspec")) / "kernels"


def _read(key: str) -> bytes | None:
    """The object of a key, if there is one that may be trusted."""
    place = folder()
    if place is None:
        return None
    try:
        descriptor = os.open(place / key, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with open(descriptor, "rb") as file:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
                return None
            found = file.read()
    except OSError:
        return None
    head = len(_MAGIC)
    digest, code = found[head : head + 32], found[head + 32 :]
    return code if found[:head] == _MAGIC and digest == _digest(key, code) else None


def _write(key: str, code: bytes) -> None:
    """Keep an object, if that is possible."""
    place = folder()
    if place is None:
        return
    name = None
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=place)  # of mode 0600
        with open(descriptor, "wb") as file:
            file.write(_MAGIC + _digest(key, code) + code)
        os.replace(name, place / key)
    except OSError:
        if name is not None:
            with contextlib.suppress(OSError):
                os.unlink(name)


def _digest(key: str, code: bytes) -> bytes:
    return hashlib.sha256(key.encode() + code).digest()


__all__ = [
    "Kernel",
    "available",
    "compiled",
    "folder",
    "kept",
    "kept_text",
    "key_of",
    "key_of_task",
    "processor",
    "recall",
    "remember",
    "text_of",
]
