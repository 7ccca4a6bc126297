"""The loops of a frame: one for each reduction over states, and for what several of them need and is dear to compute.

Together they are the text of the kernel of a step: all frames of one sequence after the other, its carry in two places
that take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf
from typing import Any

from lossspec.autodiff.tape import Value
from lossspec.kernels.accumulate import Accumulator, Extreme
from lossspec.kernels.entries import CONSTANTS, REDUCTIONS, ZERO, At, Entries, Rows, Where
from lossspec.kernels.ir import ELEMENTS, V
from lossspec.kernels.nodes import Node
from lossspec.kernels.step import STATES, Recorded
from lossspec.kernels.trace import Refused

_DEAR = frozenset(("exp", "log", "log1p", "expm1", "divide", "sinh", "cosh", "tanh", "sqrt", "pow"))
_VIEWS = frozenset(("getitem", "permute_dims", "stop_gradient", "broadcast_to"))


@dataclass
class Root:
    """The result of a loop: the reduction `value` of `source`, or `value` itself; written to a target, or to memory."""

    value: int
    source: int
    is_reduction: bool
    target: str
    level: int = 0


class StepEmitter(Entries):
    """The text of the kernel of one step."""

    def __init__(self, step: Recorded, lanes: int) -> None:
        super().__init__(step, lanes)
        self.targets: dict[str, Rows] = {}
        self.bests: dict[int, Rows] = {}
        """For the reductions that ask for a place: the scores there."""
        self.kept_out = {n for n, leaf in enumerate(step.leaves) if leaf.carried and step.carried[n] == n}
        """The leaves of the carry that stay as they are."""

    # Loops.

    def is_sized(self, n: int) -> bool:
        """Say whether a value is a reduction over states."""
        item = self.step.items.get(n)
        if item is None or item.function not in REDUCTIONS:
            return False
        return any(axis in self.axes(item) for axis in self.states_of(item.operands[0].index))

    def children(self, n: int) -> list[int]:
        """The values that a value is computed from."""
        item = self.step.items.get(n)
        if item is None or item.function in CONSTANTS or item.function == "full_like":
            return []
        flattened = [y for x in item.operands for y in (x if isinstance(x, (tuple, list)) else (x,))]
        return [x.index for x in flattened if isinstance(x, Value)]

    def plan(self) -> list[Root]:
        """The loops of a frame, in order."""
        step = self.step
        needed, waiting = set(), [*step.carried, *step.results]
        while waiting:
            n = waiting.pop()
            if n not in needed:
                needed.add(n)
                waiting += self.children(n)
        leaves = set(range(len(step.leaves)))
        reductions = sorted(n for n in needed if self.is_sized(n))
        stores = [Root(n, n, False, f"carried {k}") for k, n in enumerate(step.carried) if k not in self.kept_out] + [
            Root(n, n, False, f"result {k}") for k, n in enumerate(step.results) if n not in leaves
        ]
        kept: list[int] = []
        while True:
            roots = [Root(n, step.items[n].operands[0].index, True, "") for n in reductions]
            roots += [Root(n, n, False, "") for n in kept]
            more = self.worth_rows(roots + stores, leaves | set(reductions), set(kept))
            if more is None:
                return sorted(roots, key=lambda root: root.value) + stores
            kept.append(more)

    def worth_rows(self, roots: Sequence[Root], buffers: set[int], kept: set[int]) -> int | None:
        """A value that is dear, and that several loops need, or one at several places; None if there is none left."""
        users: dict[int, set[int]] = {}
        wanted: set[int] = set()
        for number, root in enumerate(roots):
            wide = len(self.states_of(root.source)) == 2
            waiting = (
                [root.source]
                if root.is_reduction or root.source not in kept or root.target
                else self.children(root.source)
            )
            seen: set[int] = set()
            while waiting:
                n = waiting.pop()
                if n in seen or n in buffers or n in kept:
                    continue
                seen.add(n)
                users.setdefault(n, set()).add(number)
                if wide and len(self.states_of(n)) == 1 and self.is_dear(n, buffers | kept):
                    wanted.add(n)
                if self.step.items[n].function == "concat":  # of which the parts are read at several places
                    wanted |= {x for x in self.children(n) if self.is_dear(x, buffers | kept)}
                waiting += self.children(n)
        wanted |= {n for n, by in users.items() if len(by) > 1 and self.is_dear(n, buffers | kept)}
        for n in sorted(wanted, reverse=True):
            while self.step.items[n].function in _VIEWS:
                (n, *_) = self.children(n)
            if n not in buffers | kept and any(dim == (STATES,) for dim in self.dims(n)):
                return n
        return None

    def is_dear(self, n: int, buffers: set[int]) -> bool:
        """Say whether a value costs more than a row of memory does."""
        if n in buffers or n not in self.step.items:
            return False
        seen, waiting = set(), [n]
        while waiting:
            x = waiting.pop()
            if x in seen or x in buffers or x not in self.step.items:
                continue
            seen.add(x)
            if self.step.items[x].function in _DEAR:
                return True
            waiting += self.children(x)
        return len(seen) > 40

    def where_of(self, root: Root) -> tuple[Where, list[int]]:
        """The index of the source of a loop, with its variables, and the axes that are spelt out."""
        dims, states = self.dims(root.source), self.states_of(root.source)
        where = [ZERO] * len(dims)
        if states:
            where[states[-1]] = At(self.column, True)
        if len(states) == 2:
            where[states[0]] = At(self.row)
        return tuple(where), [axis for axis, dim in enumerate(dims) if isinstance(dim, int) and dim > 1]

    def order(self, roots: list[Root]) -> list[list[Root]]:
        """The loops in groups that run together: by the level of what they read, and by their axes."""
        levels: dict[int, tuple[int, int, tuple[Any, ...], bool]] = {}
        for root in roots:
            self.row, self.column = V("%i", "i64"), V("%j", "i64")
            self.reading, self.known, self.numbers_of = [], {}, {}
            saved = (self.lines, self.front, self.head, dict(self.shared), self.count)
            self.lines, self.front, self.head = [], [], []
            for where in self.cells(root):
                self.start(root, where)
            reads = self.reading
            self.lines, self.front, self.head, self.shared, self.count = saved
            self.reading = None
            wide = len(self.states_of(root.source))
            for n, places in reads:
                if n in levels:
                    level, width, own, is_reduction = levels[n]
                    moving = tuple(place for place in places if place[0] in ("%i", "%j"))
                    same = not is_reduction and width == wide and moving == own and len(moving) == wide
                    same = same and all(p in own or p[0].isdigit() for p in places)
                    root.level = max(root.level, level + (0 if same else 1))
            if not root.target:
                where, _ = self.where_of(root)
                own = tuple((at.first.text, at.lanes) for at in where if at.first.constant is None)
                levels[root.value] = (root.level, wide, own, root.is_reduction)
        groups: dict[tuple[int, int], list[Root]] = {}
        for root in roots:
            groups.setdefault((root.level, len(self.states_of(root.source))), []).append(root)
        return [groups[key] for key in sorted(groups)]

    def start(self, root: Root, where: Where) -> V:
        """An entry of what a loop reduces or stores."""
        if root.is_reduction or root.target:
            return self.value(root.source, where)
        key = (root.value, tuple((at.first.text, at.lanes) for at in where))
        found = self.known[key] = self.computed(root.value, where)
        return found

    def cells(self, root: Root) -> Iterator[Where]:
        """The indices of the source of a loop on its axes of fixed size."""
        where, fixed = self.where_of(root)
        dims = self.dims(root.source)
        for chosen in product(*(range(dims[axis]) for axis in fixed)):  # type: ignore[arg-type]
            full = list(where)
            for axis, k in zip(fixed, chosen, strict=True):
                full[axis] = At(self.constant(k, "i64"))
            yield tuple(full)

    def nest(self, roots: list[Root]) -> None:
        """Run loops together."""
        self.known = {}
        outside, self.lines, self.front = self.lines, [], []
        wide = len(self.states_of(roots[0].source))
        everything = [(root, reduction) for root in roots for reduction in self.reductions(root)]
        by_columns = wide == 2 and bool(everything) and all(not reduction.across for _, reduction in everything)
        for _, reduction in everything:
            if not by_columns:
                reduction.begin()

        def some(j: V) -> None:
            self.column = j
            for root in roots:
                if not root.is_reduction:
                    for where in self.cells(root):
                        self.save(self.start(root, where), self.target(root), where)
            for root, reduction in everything:
                for where in reduction.sources:
                    reduction.add(self.start(root, reduction.now(where)), j)

        def rows(i: V) -> None:
            self.row = i
            for _, reduction in everything:
                reduction.begin_row()
            self.repeat(self.named(STATES), self.lanes, some)
            for _, reduction in everything:
                reduction.end_row()
            self.known = {}

        def columns(j: V) -> None:
            def one(i: V) -> None:
                self.row = i
                some(j)
                self.known = {}

            self.column = j
            for _, reduction in everything:
                reduction.begin_columns()
            self.repeat(self.named(STATES), 1, one)
            for _, reduction in everything:
                reduction.end_columns()

        if by_columns:
            self.repeat(self.named(STATES), self.lanes, columns)
        elif wide == 2:
            self.repeat(self.named(STATES), 1, rows)
        elif wide:
            self.repeat(self.named(STATES), self.lanes, some)
        else:
            some(self.constant(0, "i64"))
        for _, reduction in everything:
            reduction.end()
        self.lines, self.front = outside + self.front + self.lines, None

    def target(self, root: Root) -> Rows:
        """The rows that a loop writes to."""
        return self.targets[root.target] if root.target else self.places[root.value]

    def reductions(self, root: Root) -> list[Reduction]:
        """One reduction for each index on the axes of fixed size that are not reduced."""
        if not root.is_reduction:
            return []
        reduced = self.axes(self.step.items[root.value])
        found: dict[tuple[str, ...], list[Where]] = {}
        self.row, self.column = V("%i", "i64"), V("%j", "i64")
        for where in self.cells(root):
            key = tuple(at.first.text for axis, at in enumerate(where) if axis not in reduced)
            found.setdefault(key, []).append(where)
        return [Reduction(self, root, sources) for sources in found.values()]

    # The whole.

    def text(self) -> str:
        """The module."""
        step = self.step
        states, lanes = self.named(STATES), self.constant(self.lanes, "i64")
        whole = self.plus(states, self.constant(3 * self.lanes - 1, "i64"))
        self.row_bytes = self.times(
            self.binary("sub", whole, self.binary("srem", whole, lanes)), self.constant(8, "i64")
        )
        one = [self.rows(n, ELEMENTS[leaf.dtype]) for n, leaf in enumerate(step.leaves)]
        moving = [n for n, leaf in enumerate(step.leaves) if leaf.carried and n not in self.kept_out]
        other = {n: self.rows(n, one[n].element) for n in moving}
        self.places = dict(enumerate(one))
        roots = self.plan()
        self.targets = {
            root.target: self.rows(root.value, ELEMENTS[step.dtypes[root.value]])
            for root in roots
            if root.target.startswith("result")
        }
        for root in roots:
            if not root.target:
                self.places[root.value] = self.rows(root.value, self.kind_of_rows(root))
                if self.finds_place(root):
                    self.bests[root.value] = self.rows(root.value, ELEMENTS[step.dtypes[root.source]])
        for n in moving:
            self.targets[f"carried {n}"] = other[n]
        groups = self.order(roots)

        self.turn = self.variable("i64")

        def results(t: V, is_running: bool) -> None:
            for k, n in enumerate(step.results):
                rows = self.targets.get(f"result {k}")
                how = "to" if is_running or rows is None else "clear"
                self.copied(rows or self.places[n], f"result {k}", how, ("frame", t), ("unit", self.unit))

        def frame(t: V) -> None:
            self.stage, turn = "frame", self.get(self.turn)
            is_odd = self.is_odd(turn)
            for n in moving:
                now, then = self.turns(is_odd, one[n], other[n])
                self.places[n], self.targets[f"carried {n}"] = now, then
            for n, leaf in enumerate(step.leaves):
                if not leaf.carried:
                    self.copied(one[n], f"leaf {n}", "from", ("frame", t), ("unit", self.unit))
            self.numbers_of = {}
            done = self.begin_if_running(one, results, t)
            for group in groups:
                self.nest(group)
            results(t, True)
            self.put(self.plus(turn, self.constant(1, "i64")), self.turn)
            self.do(f"br label {done}")
            self.label(done)

        def unit(u: V) -> None:
            self.unit = self.plus(u, V("%first", "i64"))
            for n, leaf in enumerate(step.leaves):
                if leaf.carried:
                    self.copied(one[n], f"leaf {n}", "from", ("unit", self.unit))
            self.put(self.constant(0, "i64"), self.turn)
            self.repeat(self.named("frames"), 1, frame)
            is_odd = self.is_odd(self.get(self.turn))
            self.stage = "last"
            for n in moving:
                last, _ = self.turns(is_odd, one[n], other[n])
                self.copied(last, f"last {n}", "to", ("unit", self.unit))

        self.repeat(self.binary("sub", V("%last", "i64"), V("%first", "i64")), 1, unit)
        self.do("ret void")
        return self.module()

    def begin_if_running(self, leaves: Sequence[Rows], results: Callable[..., None], t: V) -> str:
        """Skip a frame that a shorter sequence does not have; return the label behind the frame."""
        flags = [n for n, x in enumerate(self.step.leaves) if not x.carried and (x.rank, x.dtype) == (1, "bool")]
        done, running, idle = (self.new("b") for _ in range(3))
        if len(flags) != 1:
            raise Refused("its step has no flag of the frames that count")
        flag = self.fetch(leaves[flags[0]].start, "i1", self.constant(0, "i64"))
        self.do(f"br i1 {flag.text}, label {running}, label {idle}")
        self.label(idle)
        results(t, False)
        self.do(f"br label {done}")
        self.label(running)
        self.numbers_of[flags[0], (("0", False),)] = self.constant(1, "i1")
        return done

    def is_odd(self, x: V) -> V:
        """Say whether an integer is odd."""
        return self.compare("ne", self.binary("and", x, self.constant(1, "i64")), self.constant(0, "i64"))

    def turns(self, is_odd: V, one: Rows, other: Rows) -> tuple[Rows, Rows]:
        """The rows of the carry before a frame and after it, which change places from frame to frame."""
        pointers = []
        for a, b in ((other, one), (one, other)):
            name = f"select i1 {is_odd.text}, ptr {a.start.text}, ptr {b.start.text}"
            pointers.append(Rows(self.write(name, "ptr"), one.element, one.dims))
        return pointers[0], pointers[1]

    def kind_of_rows(self, root: Root) -> str:
        """The type of the rows of a value: float64 for sums on their way."""
        element = ELEMENTS[self.step.dtypes[root.value]]
        is_sum = root.is_reduction and self.step.items[root.value].function == "sum"
        return "double" if is_sum and element == "float" else element

    def finds_place(self, root: Root) -> bool:
        """Say whether a reduction asks for the row of the best score in each column."""
        if not root.is_reduction or not self.step.items[root.value].function.startswith("arg"):
            return False
        return self.states_of(root.source)[-1] not in self.axes(self.step.items[root.value])


class Reduction:
    """A reduction over states on its way: of the lanes, or of rows that lie below each other."""

    def __init__(self, emitter: StepEmitter, root: Root, sources: list[Where]) -> None:
        self.e, self.root, self.sources = emitter, root, sources
        self.item = emitter.step.items[root.value]
        reduced, states = emitter.axes(self.item), emitter.states_of(root.source)
        self.across = states[-1] in reduced
        self.each_row = len(states) == 2 and self.across and states[0] not in reduced
        self.dtype = emitter.step.dtypes[root.source]
        self.accumulator: Accumulator | None = None
        self.registers: dict[str, V] = {}
        """The results in the columns of now, by the places of their rows in memory; none while they are there alone."""
        self.extreme: Extreme | None = None
        """The largest or smallest in the columns of now."""
        neutral = {"sum": 0.0, "max": -inf, "argmax": -inf}.get(self.item.function, inf)
        self.neutral = neutral

    @property
    def rows(self) -> Rows:
        """The result, in memory."""
        return self.e.places[self.root.value]

    def now(self, where: Where) -> Where:
        """An index of the source, at the current row and column."""
        full, _ = self.e.where_of(self.root)
        states = self.e.states_of(self.root.source)
        return tuple(full[axis] if axis in states else at for axis, at in enumerate(where))

    def where(self) -> Where:
        """The index of the result for the current row and column."""
        reduced, source = self.e.axes(self.item), self.now(self.sources[0])
        if self.item.keywords.get("keepdims"):
            return tuple(ZERO if axis in reduced else at for axis, at in enumerate(source))
        return tuple(at for axis, at in enumerate(source) if axis not in reduced)

    def begin(self) -> None:
        """Before all loops, but those that run column by column."""
        e = self.e
        if self.across:
            if not self.each_row:
                self.reset()
            return

        def clear(j: V) -> None:
            e.column = j
            for rows, first in self.below():
                self.keep(first, rows)

        e.repeat(e.named(STATES), e.lanes, clear)

    def below(self) -> Sequence[tuple[Rows, V]]:
        """The results of rows that lie below each other, and what they are before the first one."""
        best = self.e.bests.get(self.root.value)
        first = self.e.constant(self.neutral if best is None else 0, self.rows.element)
        own = ((self.rows, first),)
        return own if best is None else (*own, (best, self.e.constant(self.neutral, best.element)))

    def begin_columns(self) -> None:
        """Before the loop over the rows of the columns in the lanes: their results are in registers."""
        if self.item.function in ("max", "min"):
            self.extreme = Extreme(self.e, self.item.function, self.rows.element, self.e.lanes)
            return
        self.registers = {rows.start.text: self.e.variable(rows.element, self.e.lanes) for rows, _ in self.below()}
        for rows, first in self.below():
            self.keep(first, rows)

    def end_columns(self) -> None:
        """After that loop: to memory."""
        if self.extreme is not None:
            found = [(self.rows, self.extreme.of_lanes())]
        else:
            found = [(rows, self.kept(rows)) for rows, _ in self.below()]
        self.registers, self.extreme = {}, None
        for rows, x in found:
            self.keep(x, rows)

    def kept(self, rows: Rows) -> V:
        """A result on its way, in the columns of now."""
        held = self.registers.get(rows.start.text)
        return self.e.read(rows, self.where()) if held is None else self.e.get(held)

    def keep(self, x: V, rows: Rows) -> None:
        """Set it."""
        held = self.registers.get(rows.start.text)
        if held is None:
            self.e.save(x, rows, self.where())
        else:
            self.e.put(x, held)

    def reset(self) -> None:
        """Begin a row."""
        node = Node(self.item.function, (Node("", dtype=self.dtype),), self.e.step.dtypes[self.root.value])
        self.accumulator = Accumulator(self.e, node)

    def begin_row(self) -> None:
        """Before the loop over a row."""
        if self.each_row:
            self.reset()

    def add(self, x: V, j: V) -> None:
        """Take the entries in the lanes."""
        e = self.e
        x = e.splat(x, e.lanes)
        if self.accumulator is not None:
            valid = e.compare("slt", e.plus(e.splat(j, e.lanes), e.steps(e.lanes)), e.named(STATES))
            self.accumulator.start()
            self.accumulator.add(x, j, valid)
            self.accumulator.flush()
            return
        held = e.bests.get(self.root.value)
        if held is not None:
            best = self.kept(held)
            better = e.better(self.item.function, x, best)
            self.keep(e.select(better, x, best), held)
            self.keep(e.select(better, e.row, self.kept(self.rows)), self.rows)
            return
        x = x if x.element == self.rows.element else e.cast(x, self.rows.element)
        if self.extreme is not None:
            self.extreme.add(x)
        elif self.item.function == "sum":
            self.keep(e.binary("fadd", self.kept(self.rows), x), self.rows)
        else:
            wider = "maximum" if self.item.function == "max" else "minimum"
            self.keep(e.call(wider, self.kept(self.rows), x), self.rows)

    def end_row(self) -> None:
        """After the loop over a row."""
        if self.each_row:
            self.finish()

    def end(self) -> None:
        """After all loops."""
        if self.across and not self.each_row:
            self.finish()

    def finish(self) -> None:
        """Write the result of the lanes."""
        assert self.accumulator is not None
        value, e = self.accumulator.result(), self.e
        element = self.rows.element
        e.save(value if value.element == element else e.cast(value, element), self.rows, self.where())


__all__ = ["Reduction", "Root", "StepEmitter"]
