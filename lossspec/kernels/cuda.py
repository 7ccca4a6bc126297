"""Kernels as PTX: the same text, in which the lanes of a vector are the 32 threads of a warp.

A value in lanes is a number of each thread, and control flow is that of the warp: what differs is how a lane finds its
number, reads and writes, and how lanes are combined (`llvm.nvvm.shfl.sync`, by the tree of a vector on the CPU, so that
the sums have the same bits). A warp takes a chunk of units, and the next one that no other warp takes.

The function is `kernel(block, scratch)`. The block is passed by value; its cotangents are addresses of float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from math import inf
from typing import Any

from lossspec.kernels.emit import Emitter
from lossspec.kernels.ir import BYTES, ELEMENTS, V
from lossspec.kernels.memory import Block
from lossspec.kernels.nodes import Node
from lossspec.kernels.schedule import Schedule

WARP = 32
_TRIPLE = "nvptx64-nvidia-cuda"
_LEAST = "sm_75", "+ptx70"
"""The oldest GPU that runs the text, and the version of its language. Drivers compile it for newer ones."""
_REGISTERS = {"tid": "tid.x", "size": "ntid.x", "group": "ctaid.x", "groups": "nctaid.x"}


class CudaEmitter(Emitter):
    """The text of one kernel for a GPU."""

    most_copies = inf  # there a call goes through memory

    def __init__(
        self,
        schedule: Schedule,
        block: Block,
        lanes_are: str,
        planes: frozenset[int],
        per_unit: bool,
        held: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__(schedule, block, lanes_are, 1, planes, per_unit, held)
        self.width = WARP
        words = block.length + 1
        self.signature = f"ptx_kernel void @kernel(ptr byval([{words} x i64]) align 8 %block, ptr %scratches)"
        lines, self.lines = self.lines, self.head
        at = {name: self._register(name) for name in _REGISTERS}
        per_group = self.binary("lshr", at["size"], self.constant(5, "i64"))
        warp = self.binary("lshr", at["tid"], self.constant(5, "i64"))
        warp = self.binary("add", self.binary("mul", at["group"], per_group), warp)
        self.stride = self.binary("mul", at["groups"], per_group)
        self.lane = self.binary("and", at["tid"], self.constant(WARP - 1, "i64"))
        units, chunk = self.word(block.units), self.word(block.chunk)
        behind = self.binary("add", units, self.binary("sub", chunk, self.constant(1, "i64")))
        for name, x in (("first", warp), ("last", self.binary("sdiv", behind, chunk))):
            self.do(f"%{name} = add i64 {x.text}, 0")
        size = self.word(block.length)
        buffers = self.constant(len(schedule.buffered), "i64")
        apart = self.binary("mul", self.binary("mul", size, buffers), warp)
        self.do(f"%scratch = getelementptr i8, ptr %scratches, i64 {apart.text}")
        self.lines = lines

    def _register(self, name: str) -> V:
        """A special register."""
        full = f"@llvm.nvvm.read.ptx.sreg.{_REGISTERS[name]}"
        self.declared[f"declare i32 {full}()"] = None
        return self.convert("zext", self.write(f"call i32 {full}()", "i32"), "i64")

    def steps(self, lanes: int, element: str = "i64") -> V:
        """The number of the lane."""
        return self.lane if element == "i64" else self.convert("trunc", self.lane, element)

    def gather(self, pointer: V, element: str, index: V, stride: V, mask: V | None) -> V:
        """The entries from an index on that are so far apart, in the lanes."""
        return self.taken(pointer, element, self.indices(index, stride), mask)

    def taken(self, pointer: V, element: str, index: V, mask: V | None) -> V:
        """The entry at the index of the lane; a lane that is masked reads the first one of all."""
        return self.fetch(
            pointer, element, index if mask is None else self.select(mask, index, self.constant(0, "i64"))
        )

    def scatter(self, value: V, pointer: V, index: V, stride: V, mask: V | None) -> None:
        """Write the lane to an entry."""
        write, after = self.new("b"), self.new("b")
        self.do(f"br label {write}" if mask is None else f"br i1 {mask.text}, label {write}, label {after}")
        self.label(write)
        place = self.indices(index, stride)
        at = self.write(f"getelementptr {value.element}, ptr {pointer.text}, i64 {place.text}", "ptr")
        self.do(f"store {value.type} {value.text}, ptr {at.text}, align {BYTES[value.element]}")
        self.do(f"br label {after}")
        self.label(after)

    def take(self, left: V, sums: Sequence[V]) -> V:
        """Do all work of the current units, always by a mask: it costs a thread nothing, and halves the text."""
        if not self.by_units:
            return super().take(left, sums)
        self.mask = self.lanes_below(left)
        self.units(sums)
        return self.call("smin", left, self.constant(WARP, "i64"))

    def cotangent(self, x: Node, element: str) -> V:
        """The cotangent of a statistic, which lies in the memory of the GPU as all that a kernel has found."""
        if self.per_unit:
            return super().cotangent(x, element)
        pointer = self.word(self.block.cotangent(x.detail), "ptr")
        g = self.fetch(pointer, "double", self.constant(0, "i64"))
        return self.convert("fptrunc", g, "float") if element == "float" else g

    def slot(self, x: Node, j: V) -> V:
        """The address of the entry of the lane in the buffer of a row."""
        held = "i8" if x.dtype == "bool" else ELEMENTS[x.dtype]
        start = super().slot(x, j)
        return self.write(f"getelementptr {held}, ptr {start.text}, i64 {self.lane.text}", "ptr")

    def reduce(self, x: V, instruction: str) -> V:
        """The lanes combined by a fixed tree; every lane has the result."""
        away = WARP // 2
        while away:
            x = self.joined(instruction, x, self._other(x, away))
            away //= 2
        return x

    def any_of(self, flags: V) -> V:
        """Say whether a flag is set in some lane."""
        return self.reduce(flags, "or")

    def _other(self, x: V, away: int) -> V:
        """The value of the lane whose number differs in one digit."""
        if x.element in ("float", "double"):
            bits = self.convert("bitcast", x, {"float": "i32", "double": "i64"}[x.element])
            return self.convert("bitcast", self._other(bits, away), x.element)
        if x.element == "i64":
            low = self.convert("trunc", x, "i32")
            high = self.convert("trunc", self.binary("lshr", x, self.constant(32, "i64")), "i32")
            low, high = (self.convert("zext", self._other(part, away), "i64") for part in (low, high))
            return self.binary("or", low, self.binary("shl", high, self.constant(32, "i64")))
        if x.element != "i32":
            return self.convert("trunc", self._other(self.convert("zext", x, "i32"), away), x.element)
        name = "@llvm.nvvm.shfl.sync.bfly.i32"
        self.declared[f"declare i32 {name}(i32, i32, i32, i32)"] = None
        return self.write(f"call i32 {name}(i32 -1, i32 {x.text}, i32 {away}, i32 {WARP - 1})", "i32")


@cache
def _binding() -> Any:
    """LLVM, ready to compile for GPUs."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm


def ptx(text: str) -> str:
    """The PTX of a module. Nothing here may change what a floating-point operation gives."""
    llvm = _binding()
    cpu, features = _LEAST
    machine = llvm.Target.from_triple(_TRIPLE).create_target_machine(cpu=cpu, features=features, opt=3)
    module = llvm.parse_assembly(f'target triple = "{_TRIPLE}"\n{text}')
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    found: str = machine.emit_assembly(module)
    return found


__all__ = ["WARP", "CudaEmitter", "ptx"]
