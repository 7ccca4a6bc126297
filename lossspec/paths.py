"""Sums over paths through states, frame by frame: the log-sum of their scores, posterior marginals, the best path.

A path starts in a state, moves along an arc to a state at every frame, and ends. Its score is the sum of the scores of
its start, its arcs, its states and its end; -inf rules one of these out. What all paths have in common is subtracted at
every frame, so that rounding leaves the differences between paths alone, and posterior marginals are sums of products
of probabilities, in which nothing cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import frexp, inf
from typing import Any, NamedTuple, TypeAlias, TypeVar

from lossspec.dispatch import backend_of
from lossspec.numerics import (
    Step,
    array_namespace,
    balanced,
    expm1,
    gather,
    log_mean_exp,
    negative_log_mean_exp,
    negative_log_softmax,
    number,
    positions,
    scan,
    scattered,
    scattered_log_softmax,
    stop_gradient,
    taken,
    taken_log_softmax,
)
from lossspec.primitive import Primitive, Pull, PullAll
from lossspec.terms import Array

T = TypeVar("T")

Move: TypeAlias = tuple[int, int]
"""An arc that comes from so many frames ago and from so many states before."""


class Lattice(NamedTuple):
    """The scores of the paths of a batch; -inf rules out. There is at least one frame."""

    states: Array
    """[batch frames states]."""
    arcs: Array
    """[batch moves states], or [batch frames moves states] where they change from frame to frame."""
    start: Array
    """[batch states]."""
    end: Array
    """[batch states]."""
    running: Array
    """[batch frames], False at the frames that a shorter path does not have."""


class Marginals(NamedTuple):
    """Posterior marginals: of each state at each frame, each arc (summed over frames, or at each), start and end."""

    states: Array
    arcs: Array
    start: Array
    end: Array


_ABOVE_ALL = 1e30
"""A score that no other reaches, of which sums in any dtype are finite."""


class OverPaths(Primitive):
    """A primitive over paths, [batch ...]; where its recurrences are compiled, all sequences are taken at once.

    A framework that asks for what a backward pass may use gets the derivatives then: a loop backwards, as cheap as the
    one forwards, which would run again.
    """

    def __init__(self, body: Callable[..., tuple[Array, tuple[Pull | None, ...]]]) -> None:
        super().__init__(body, row_axes=2)

    def value(self, xp: Any, operands: Sequence[Array], block: int = 0) -> Array:
        """The value alone."""
        if not _is_compiled(operands):
            return super().value(xp, operands, block)
        xp, hosts = _hosts(xp, operands)
        return backend_of(operands[0]).of_host(self.body(xp, *hosts)[0])

    def value_and_kept(self, xp: Any, operands: Sequence[Array], block: int = 0) -> tuple[Array, tuple[Array, ...]]:
        """The value; with it again the derivatives in the real operands, where recurrences are compiled."""
        if not _is_compiled(operands):
            return super().value_and_kept(xp, operands, block)
        xp, hosts = _hosts(xp, operands)
        value, pulls = self.body(xp, *hosts)
        ones = xp.ones_like(value)
        found = value, xp.asarray(value, copy=True), *(pull(ones) for pull in pulls if pull is not None)
        value, *kept = map(backend_of(operands[0]).of_host, found)
        return value, tuple(kept)

    def linearize(
        self, xp: Any, operands: Sequence[Array], block: int = 0, kept: tuple[Array, ...] = ()
    ) -> tuple[Array, PullAll]:
        """The value, and what pulls a cotangent of it back to the operands."""
        if not kept:
            return super().linearize(xp, operands, 0 if _is_compiled(operands) else block)
        value, *derivatives = kept
        known = iter(derivatives)
        pulls = [_row_pull(next(known)) if xp.isdtype(x.dtype, "real floating") else None for x in operands]
        return value, lambda g, wanted: [
            pull(g) if pull and want else None for pull, want in zip(pulls, wanted, strict=True)
        ]


def _is_compiled(operands: Sequence[Array]) -> bool:
    """Say whether recurrences of the operands run as compiled loops."""
    return all(backend_of(x).compiles_scans(x) for x in operands)


def _hosts(xp: Any, operands: Sequence[Array]) -> tuple[Any, Sequence[Array]]:
    """The operands as NumPy arrays with their namespace, whose small operations cost least; else the operands."""
    hosts = [backend_of(x).host(x, strided=True) for x in operands]
    return (xp, operands) if any(x is None for x in hosts) else (array_namespace(hosts[0]), hosts)


class Paths:
    """The paths whose arcs are `moves`; without any, an arc leads from every state to every state.

    The functions that are primitives take the arrays of a `Lattice` one by one: `paths.score(*lattice)`.
    """

    def __init__(self, *moves: Move) -> None:
        self.moves = moves
        self.memory = max((frames for frames, _ in moves), default=1)
        # Create these once: JAX caches compiled scans by the identity of their step, so a new closure would recompile.
        self.score = OverPaths(self._score)
        self.score_of_labels = OverPaths(self._score_of_labels)
        self.score_of_logits = OverPaths(self._score_of_logits)
        self.score_less_path = OverPaths(self._score_less_path)
        self.expected_cost = OverPaths(self._expected_cost)
        self.log_mean_exp_cost = OverPaths(self._log_mean_exp_cost)
        self.negative_log_mean_exp_cost = OverPaths(self._negative_log_mean_exp_cost)
        self._costs_forward = self._step(self._advance_costs)
        self._costs_backward = self._step(self._retreat_costs)
        self._gains = {
            gain: (
                self._step(partial(self._advance_gains, mean=mean)),
                self._step(partial(self._retreat_gains, gain=gain)),
            )
            for gain, mean in ((True, log_mean_exp.body), (False, negative_log_mean_exp.body))
        }
        sums = (_log_sum_of_few, _divided_among_few) if moves else (_log_sum, _divided)
        self._steps = {
            soft: (
                self._step(partial(self._advance, combine=combine)),
                self._step(partial(self._retreat, divide=divide)),
            )
            for soft, combine, divide in ((True, *sums), (False, _largest, _given_to_best))
        }

    def _step(self, function: Callable[[Any, Any], tuple[Any, Any]]) -> Step:
        return Step(function, len(self.moves))

    def marginals(self, lattice: Lattice) -> Marginals:
        """The posterior marginals: the derivatives of `score`, by steps that can be differentiated in turn."""
        xp = array_namespace(lattice.states)
        last, _, before = self._forward(xp, lattice)
        return self._backward(xp, lattice, before, last)

    def best(self, lattice: Lattice) -> tuple[Array, Array]:
        """The first of the best paths: its first state [batch], and those at the frames, 0 where not running.

        A score of NaN counts as the highest, so that the path goes through it and a sum of scores along it is NaN.
        """
        xp = array_namespace(lattice.states)
        fixed = map(stop_gradient, lattice[:4])
        states, arcs, start, end = (xp.where(x == x, x, _ABOVE_ALL) for x in fixed)
        lattice = Lattice(states, arcs, start, end, lattice.running)
        last, _, before = self._forward(xp, lattice, soft=False)
        chosen = self._backward(xp, lattice, before, last, soft=False)
        return xp.argmax(chosen.start, axis=-1), xp.argmax(chosen.states, axis=-1)

    def _score(self, xp: Any, *operands: Array) -> tuple[Array, tuple[Pull | None, ...]]:
        """The log of the sum of exp(score) over all paths, [batch]; the operands are a lattice."""
        lattice = Lattice(*operands)
        last, total, before = self._forward(xp, lattice)
        value = total + _log_sum(xp, _turned(xp, last))[0]
        return value, (*_pulls(_once(lambda: self._backward(xp, lattice, before, last)), 4), None)

    def _score_of_labels(self, xp: Any, scores: Array, labels: Array, *rest: Array) -> Any:
        """`score`, where each state has at every frame the score of its label.

        The operands are scores of labels [batch frames classes], the label of each state [batch states], flags of the
        arcs that there are [batch moves states], of start and end states [batch states], and of frames, `running`.
        """
        index = labels[:, None, :]
        value, pull = self._score_of_flags(xp, taken(scores, index), *rest)
        return value, (lambda g: scattered(pull(g), index, scores.shape[-1]), *(None,) * 5)

    def _score_of_logits(self, xp: Any, logits: Array, labels: Array, *rest: Array) -> Any:
        """`score_of_labels` of log softmax(logits): the derivative is the softmax less the marginals of its labels."""
        index = labels[:, None, :]
        value, pull = self._score_of_flags(xp, taken_log_softmax(logits, index), *rest)
        return value, (lambda g: scattered_log_softmax(pull(g), index, logits), *(None,) * 5)

    def _score_of_flags(self, xp: Any, states: Array, *flags: Array) -> tuple[Array, Pull]:
        """The score of a lattice of which all but the states is flags, and the pull of the states."""
        zero = number(0.0, states)
        arcs, start, end = (xp.where(x, zero, -inf) for x in flags[:3])
        lattice = Lattice(states, arcs, start, end, flags[3])
        last, total, before = self._forward(xp, lattice)
        value = total + _log_sum(xp, _turned(xp, last))[0]
        return value, lambda g: self._backward(xp, lattice, before, last, of_arcs=False, weight=g).states

    def _score_less_path(self, xp: Any, *operands: Array) -> tuple[Array, tuple[Pull | None, ...]]:
        """The score of all paths less that of one, [batch].

        The operands are a lattice whose arcs lead from every state to every state; the path, as its first state
        `origin` [batch] and those at the frames, `path` [batch frames]; and, if given, gains of `start` and of
        `states`, which are added to the scores of all paths but not to that of the one.

        Read backwards from its end, -log of the probability of the path is a sum of softmax cross entropies, each of
        the state that the path comes from. So the loss of a path that is nearly sure keeps its digits.
        """
        lattice, (origin, path, *gains) = Lattice(*operands[:5]), operands[5:]
        running = lattice.running
        last, _, before = self._forward(xp, lattice, gains=gains)
        whole, marks, ends = _marks(xp, lattice, origin, path)
        into = xp.take_along_axis(lattice.arcs, path[:, None, :], axis=-1)  # [batch states frames]: to the path
        coming = xp.permute_dims(before[0], (1, 0, 2)) + xp.permute_dims(into, (0, 2, 1))
        terms = xp.where(running, _cross_entropy(xp, coming, whole[:, :-1]), 0.0)
        final = gather(whole, xp.count_nonzero(running, axis=-1))
        value = _cross_entropy(xp, last, final) + xp.sum(terms, axis=-1)
        if gains:
            along = xp.sum(xp.where(running, gather(gains[1], path), 0.0), axis=-1)
            value = value + (gather(gains[0], origin) + along)
        of_all = _once(lambda: self._backward(xp, lattice, before, last, marks=(marks[:-1, ...], marks[1:, ...])))

        def of_path() -> Marginals:
            """The marginals less the path itself: where the path goes, minus the sum of those of the others."""
            found, taken = of_all(), xp.permute_dims(marks, (1, 0, 2))
            return Marginals(
                balanced(found.states, taken[:, 1:, :]),
                found.arcs,
                balanced(found.start, taken[:, 0, :]),
                balanced(found.end, ends),
            )

        states_pull, _, start_pull, _ = _pulls(of_all, 4)
        return value, (*_pulls(_once(of_path), 4), None, None, None, *(start_pull, states_pull)[: len(gains)])

    def _expected_cost(self, xp: Any, *operands: Array) -> tuple[Array, tuple[Pull | None, ...]]:
        """The expected cost of a path that is drawn with probability proportional to exp(score), [batch].

        The operands are a lattice whose arcs lead from every state to every state; the best path, as for
        `score_less_path`; and the costs of start states [batch states] and of states [batch frames states].

        The derivative in a score is a posterior marginal times the excess of the expected cost of the paths through it
        over that of all. Costs count relative to those of the best path, so that those of a sure chain do not cancel.
        """
        lattice, (origin, path, first_costs, costs) = Lattice(*operands[:5]), operands[5:]
        last, _, before = self._forward(xp, lattice)
        _, marks, ends = _marks(xp, lattice, origin, path)
        running = _turned(xp, lattice.running)
        (fixed,), _, _ = self._arcs(xp, lattice.arcs)
        first_more = first_costs - gather(first_costs, origin)[:, None]
        more = xp.permute_dims(costs - gather(costs, path)[..., None], (1, 0, 2))
        (so_far, _), means = scan(self._costs_forward, (first_more, fixed), (running, before[0], more))
        final = _turned(xp, _softmax(xp, _turned(xp, last)))
        mean = xp.sum(final * so_far, axis=-1)
        frames = running, before[0], means[0], more, marks[:-1, ...], marks[1:, ...]
        carry = final, xp.zeros_like(final), fixed, xp.zeros_like(fixed), mean
        carry, found = scan(self._costs_backward, carry, frames, reverse=True)
        first, later, _, of_arcs, _ = carry
        marginals, of_states = (xp.permute_dims(x, (1, 0, 2)) for x in found)
        value = xp.sum(first * first_costs, axis=-1) + xp.sum(marginals * costs, axis=(1, 2))
        of_start = balanced(first * (first_more - mean[:, None]) + later, marks[0, ...])
        of_end = balanced(final * (so_far - mean[:, None]), ends)
        of_arcs = xp.permute_dims(of_arcs, (1, 0, 2))
        derivatives = of_states, of_arcs, of_start, of_end, None, None, None, first, marginals
        return value, tuple(None if x is None else _row_pull(x) for x in derivatives)

    def _log_mean_exp_cost(self, xp: Any, *operands: Array) -> tuple[Array, tuple[Pull | None, ...]]:
        """The log of the expectation of exp(cost) of a path, [batch]; operands as of `expected_cost`."""
        return self._gain(xp, True, *operands)

    def _negative_log_mean_exp_cost(self, xp: Any, *operands: Array) -> tuple[Array, tuple[Pull | None, ...]]:
        """Minus the log of the expectation of exp(-cost) of a path, [batch]; operands as of `expected_cost`."""
        return self._gain(xp, False, *operands)

    def _gain(self, xp: Any, gain: bool, *operands: Array) -> tuple[Array, tuple[Pull | None, ...]]:
        """The rise of the score of all paths with the costs as gains, or its fall with them as losses, [batch].

        Frame by frame it is the cost of a state and a log-mean over the paths that lead there, all positive, so that
        small costs keep their digits. The derivative in a score is the difference of two marginals. That of a frame is
        made of that of the frame after it: a sum of small differences, and for the best path minus that of the others.
        """
        sign = 1 if gain else -1
        lattice, (origin, path, first_costs, costs) = Lattice(*operands[:5]), operands[5:]
        last, _, before = self._forward(xp, lattice)
        moved, _, moved_before = self._forward(xp, lattice, gains=(sign * first_costs, sign * costs))
        _, marks, ends = _marks(xp, lattice, origin, path)
        (fixed,), _, _ = self._arcs(xp, lattice.arcs)
        running = _turned(xp, lattice.running)
        frames = running, before[0], xp.permute_dims(costs, (1, 0, 2))
        (so_far, _), gains = scan(self._gains[gain][0], (first_costs, fixed), frames)
        value = (log_mean_exp if gain else negative_log_mean_exp).body(xp, last, so_far)[0]

        def derivatives() -> Sequence[Array]:
            final, moved_final, apart = _share_difference(
                xp, _turned(xp, last), _turned(xp, moved), _turned(xp, so_far), gain
            )
            of_end = balanced(_turned(xp, apart), ends)
            carry = _turned(xp, final), _turned(xp, moved_final), of_end, fixed, xp.zeros_like(fixed)
            now = running, before[0], moved_before[0], gains[0], marks[:-1, ...], marks[1:, ...]
            carry, found = scan(self._gains[gain][1], carry, now, reverse=True)
            of_states, of_costs = (xp.permute_dims(x, (1, 0, 2)) for x in found)
            of_arcs = xp.permute_dims(carry[4], (1, 0, 2))
            return of_states, of_arcs, carry[2], of_end, carry[1], of_costs

        *of_scores, of_first_costs, of_costs = _pulls(_once(derivatives), 6)
        return value, (*of_scores, None, None, None, of_first_costs, of_costs)

    def _advance_gains(self, carry: Any, now: Any, mean: Callable[..., Any]) -> tuple[Any, Any]:
        """One frame: from the log-mean of the costs of the paths to each state before it to that after it."""
        (so_far, fixed), (running, before, costs) = carry, now
        xp = array_namespace(so_far)
        sources = xp.permute_dims(self._sources(xp, (before,)) + fixed, (1, 2, 0))
        after = mean(xp, sources, xp.broadcast_to(so_far[:, None, :], sources.shape))[0] + costs
        return (xp.where(running[:, None], after, so_far), fixed), (so_far,)

    def _retreat_gains(self, carry: Any, now: Any, gain: bool) -> tuple[Any, Any]:
        """One frame, backwards: marginals, those with the costs, their difference; the derivatives at this frame."""
        shares, moved, apart, fixed, total = carry
        running, before, moved_before, so_far, source, target = now
        xp = array_namespace(shares)
        here, moved_here, apart_here = (xp.where(running[:, None], x, 0.0) for x in (shares, moved, apart))
        scores, moved_scores = (self._sources(xp, (x,)) + fixed for x in (before, moved_before))
        ways, moved_ways, between = _share_difference(xp, scores, moved_scores, _turned(xp, so_far)[:, :, None], gain)
        higher, lower_ways = (moved_here, ways) if gain else (here, moved_ways)
        along = between * higher[None, ...] + lower_ways * apart_here[None, ...]
        own = _turned(xp, source)[:, :, None] & target[None, ...]
        total = total + balanced(along, own, axis=(0, 2))
        earlier = (
            _turned(xp, xp.sum(ways * here[None, ...], axis=-1)),
            _turned(xp, xp.sum(moved_ways * moved_here[None, ...], axis=-1)),
            balanced(_turned(xp, xp.sum(along, axis=-1)), source),
        )
        kept = (xp.where(running[:, None], x, y) for x, y in zip(earlier, (shares, moved, apart), strict=True))
        return (*kept, fixed, total), (apart_here, moved_here)

    def _advance_costs(self, carry: Any, now: Any) -> tuple[Any, Any]:
        """One frame: the mean cost of the paths to each state before it, and then after it."""
        (so_far, fixed), (running, before, more) = carry, now
        xp = array_namespace(so_far)
        shares = _softmax(xp, self._sources(xp, (before,)) + fixed)
        after = xp.sum(shares * _turned(xp, so_far)[:, :, None], axis=0) + more
        return (xp.where(running[:, None], after, so_far), fixed), (so_far,)

    def _retreat_costs(self, carry: Any, now: Any) -> tuple[Any, Any]:
        """One frame, backwards: marginals, those times the mean of later costs; the derivatives at this frame."""
        (states, later, fixed, total, mean), (running, before, so_far, more, source, target) = carry, now
        xp = array_namespace(states)
        ways = _softmax(xp, self._sources(xp, (before,)) + fixed)
        here = xp.where(running[:, None], states, 0.0)
        from_here = xp.where(running[:, None], states * more + later, 0.0)
        along, beyond = ways * here[None, ...], ways * from_here[None, ...]
        excess = along * (_turned(xp, so_far)[:, :, None] - mean[None, :, None]) + beyond
        of_states = balanced(xp.sum(excess, axis=0), target)
        own = _turned(xp, source)[:, :, None] & target[None, ...]
        total = total + balanced(excess, own, axis=(0, 2))
        states = xp.where(running[:, None], _turned(xp, xp.sum(along, axis=-1)), states)
        later = xp.where(running[:, None], _turned(xp, xp.sum(beyond, axis=-1)), later)
        return (states, later, fixed, total, mean), (here, of_states)

    def _forward(
        self,
        xp: Any,
        lattice: Lattice,
        soft: bool = True,
        gains: Sequence[Array] = (),
    ) -> tuple[Array, Array, tuple[Array, ...]]:
        """The scores of the paths that end in each state, less a common part; that part; the scores before each frame.

        `gains` of start and states are added after the common part is taken off: beside large scores they would be
        rounded.
        """
        states, arcs, start, end, running = lattice
        fixed, moving, common = self._arcs(xp, arcs)
        of_start = _common(xp, start, -1)
        first = start - of_start
        scored: tuple[Array, ...] = (states,)
        if gains:
            first, scored = first + gains[0], (states, gains[1])
        history = (first, *(xp.full_like(start, -inf) for _ in range(self.memory - 1)))
        frames = tuple(xp.permute_dims(x, (1, 0, 2)) for x in scored), xp.permute_dims(running, (1, 0)), moving
        total = of_start[:, 0], xp.zeros_like(of_start[:, 0])
        ((last, *_), total, _), before = scan(self._steps[soft][0], (history, total, fixed), frames)
        of_end = _common(xp, xp.where(last == -inf, -inf, end), -1)
        rest = total[1] + xp.sum(xp.where(running, common, 0.0), axis=-1)
        return last + (end - of_end), total[0] + (rest + of_end[:, 0]), before

    def _backward(
        self,
        xp: Any,
        lattice: Lattice,
        before: tuple[Array, ...],
        last: Array,
        soft: bool = True,
        marks: tuple[Array, ...] = (),
        of_arcs: bool = True,
        weight: Array | None = None,
    ) -> Marginals:
        """The posterior marginals, from what `_forward` returns, times a weight [batch].

        `marks` are the states of one path before and after each frame: of its arcs the marginals are less 1. Those of
        arcs are the arcs themselves if they are not wanted.
        """
        fixed, moving, _ = self._arcs(xp, lattice.arcs)
        final = _turned(xp, (_softmax if soft else _one_hot)(xp, _turned(xp, last)))
        lift = _lift(xp, final)[0]
        later = (lift * final, *(xp.zeros_like(final) for _ in range(self.memory - 1)))
        total = tuple(xp.zeros_like(x) for x in fixed) if of_arcs else ()
        carry = later, fixed, total, () if weight is None else (weight,)
        frames = xp.permute_dims(lattice.running, (1, 0)), moving, before, marks
        (later, _, total, _), (states, along) = scan(self._steps[soft][1], carry, frames, reverse=True)
        arcs = lattice.arcs
        if of_arcs and fixed:
            arcs = xp.permute_dims(total[0] / lift, (1, 0, 2))
        elif of_arcs:
            arcs = xp.permute_dims(along[0], (2, 0, 1, 3))
        return Marginals(xp.permute_dims(states, (1, 0, 2)), arcs, later[0] / lift, final)

    def _arcs(self, xp: Any, arcs: Array) -> tuple[tuple[Array, ...], tuple[Array, ...], Array]:
        """The arcs, move by move: those of all frames, those of each frame, and the common part that was subtracted."""
        common = _common(xp, arcs, (-2, -1))
        if self.memory > 1:  # paths of longer arcs have fewer of them: nothing is common
            common = xp.zeros_like(common)
        less = arcs - common
        if len(arcs.shape) == 4:
            return (), (xp.permute_dims(less, (1, 2, 0, 3)),), common[..., 0, 0]
        return (xp.permute_dims(less, (1, 0, 2)),), (), common[..., 0]

    def _advance(self, carry: Any, now: Any, combine: Callable[..., Array]) -> tuple[Any, Any]:
        """One frame: from the scores of the paths to each state before it to those after it."""
        (history, total, fixed), ((states, *gains), running, moving) = carry, now
        xp = array_namespace(states)
        reached, best = combine(xp, self._sources(xp, history) + (*fixed, *moving)[0])
        of_states = _common(xp, xp.where(best == -inf, -inf, states), -1)
        # With one frame of memory, what the paths have in common is known before this frame, and costs no wait.
        of_paths = _common(xp, history[0], -1) if self.memory == 1 else xp.zeros_like(of_states)
        moved = (reached - of_paths) + (states - of_states)
        for gain in gains:
            moved = moved + gain
        common = of_states + of_paths
        for earlier in history[:-1]:  # a frame that no good path visits shifts nothing: its size would round the others
            of_moved = _common(xp, moved, -1)
            moved, common = moved - of_moved, common + of_moved
            top = xp.maximum(common, xp.max(stop_gradient(earlier), axis=-1, keepdims=True))
            moved, common = moved + (common - top), top
        after = (moved, *(x - common for x in history[:-1]))
        kept = tuple(xp.where(running[:, None], x, y) for x, y in zip(after, history, strict=True))
        total = _exactly_added(xp, total, xp.where(running, common[:, 0], 0.0))
        return (kept, total, fixed), history

    def _retreat(self, carry: Any, now: Any, divide: Callable[..., Array]) -> tuple[Any, Any]:
        """One frame, backwards: from the marginals of the states after it to those of the arcs and states before it.

        The carry is lifted, and what is smaller than any result is 0: denormal numbers would take many times as long.
        """
        (later, fixed, total, weight), (running, moving, history, marks) = carry, now
        xp = array_namespace(running)
        lift, least = _lift(xp, later[0])
        states = xp.where(running[:, None], later[0], 0.0)
        along = divide(xp, states, self._sources(xp, history) + (*fixed, *moving)[0])
        earlier = [*later[1:], xp.zeros_like(states)]
        for move, (frames, places) in enumerate(self.moves):
            earlier[frames - 1] = earlier[frames - 1] + _shift_back(xp, along[move, ...], places)
        if not self.moves:
            earlier = [_turned(xp, xp.sum(along, axis=-1))]
        earlier = [xp.where(x < least, 0.0, x) for x in earlier]
        for factor in weight:
            weighted = states * factor[:, None]
            states = xp.where(xp.abs(weighted) < least, 0.0, weighted)
        states = states / lift
        if marks:
            own = _turned(xp, marks[0])[:, :, None] & marks[1][None, ...]
            along = balanced(along, own, axis=(0, 2))
        kept = tuple(xp.where(running[:, None], x, y) for x, y in zip(earlier, later, strict=True))
        return (kept, fixed, tuple(x + along for x in total), weight), (states, (along / lift,) if moving else ())

    def _sources(self, xp: Any, history: tuple[Array, ...]) -> Array:
        """The scores of the source of each arc, [moves batch states], or [states batch 1] without moves."""
        if not self.moves:
            return _turned(xp, history[0])[:, :, None]
        return xp.stack([_shift(xp, history[frames - 1], places) for frames, places in self.moves])


def _marks(xp: Any, lattice: Lattice, origin: Array, path: Array) -> tuple[Array, Array, Array]:
    """Give a path with its origin [batch 1+frames], and flags of its states [1+frames batch states] and of its last."""
    whole = xp.concat((origin[:, None], path), axis=-1)
    marks = xp.permute_dims(positions(lattice.states, dtype=path.dtype) == whole[..., None], (1, 0, 2))
    final = gather(whole, xp.count_nonzero(lattice.running, axis=-1))
    return whole, marks, positions(lattice.end, dtype=path.dtype) == final[:, None]


def _row_pull(derivative: Array) -> Pull:
    """Carry a cotangent for every row of the batch to an operand with this derivative."""
    return lambda g: g[(..., *(None,) * (len(derivative.shape) - 1))] * derivative


def _once(compute: Callable[[], T]) -> Callable[[], T]:
    """Call it once, when it is first asked for: a derivative that nobody wants costs nothing."""
    known: list[T] = []

    def result() -> T:
        if not known:
            known.append(compute())
        return known[0]

    return result


def _pulls(derivatives: Callable[[], Sequence[Array]], count: int) -> list[Pull]:
    """Make the pull of each operand from its derivative."""

    def pull(number: int) -> Pull:
        return lambda g: _row_pull(derivatives()[number])(g)

    return [pull(number) for number in range(count)]


def _turned(xp: Any, x: Array) -> Array:
    return xp.permute_dims(x, (1, 0))


def _cross_entropy(xp: Any, logits: Array, labels: Array) -> Array:
    """The softmax cross entropy; inf for a class that is ruled out, also where all are."""
    ruled_out = gather(logits, labels) == -inf
    return xp.where(ruled_out, inf, negative_log_softmax(xp.where(ruled_out[..., None], 0.0, logits), labels))


def _common(xp: Any, x: Array, axis: Any) -> Array:
    """The largest entry over axes, which it keeps; 0 where all are -inf. Constant: it is taken off and put back."""
    top = xp.max(stop_gradient(x), axis=axis, keepdims=True)
    return xp.where(top == -inf, 0.0, top)


def _exactly_added(xp: Any, total: tuple[Array, Array], x: Array) -> tuple[Array, Array]:
    """Add a term to a sum and to what its roundings have lost: otherwise each of many frames would leave a rounding."""
    known, lost = total
    added = known + x
    of_x = added - known
    return added, lost + ((known - (added - of_x)) + (x - of_x))


def _shift(xp: Any, x: Array, places: int) -> Array:
    """Move the last axis forward by so many states; -inf before the first."""
    if not places:
        return x
    return xp.concat((xp.full_like(x[:, :places], -inf), x), axis=-1)[:, : x.shape[-1]]


def _shift_back(xp: Any, x: Array, places: int) -> Array:
    """Move the last axis back by so many states; 0 after the last."""
    return xp.concat((x[:, places:], xp.zeros_like(x[:, :places])), axis=-1) if places else x


def _log_sum(xp: Any, x: Array) -> tuple[Array, Array]:
    """The logarithm of the sum of exp(x) over the leading axis, the largest entries kept out of the sum; and those."""
    top = xp.max(x, axis=0, keepdims=True)
    tied = x == top
    powers = xp.where(tied, 0.0, xp.exp(x - xp.where(top == -inf, 0.0, top)))
    rest = xp.sum(powers, axis=0) + (xp.sum(xp.astype(tied, x.dtype), axis=0) - 1)
    return top[0, ...] + xp.log1p(rest), top[0, ...]


def _log_sum_of_few(xp: Any, x: Array) -> tuple[Array, Array]:
    """`_log_sum` over a short leading axis, entry by entry: there is no exponential of the largest."""
    top, others, _ = _ranked(xp, x)
    return top + xp.log1p(sum(others[1:], others[0])), top


def _ranked(xp: Any, x: Array) -> tuple[Array, list[Array], list[Array]]:
    """The largest entry of a short leading axis, the ratios of the others to it, and what leads back to their order.

    Entry by entry the larger of two is carried on and the smaller left behind: of flag n says that entry n + 1 is it.
    """
    top, behind, flags = x[0, ...], [], []
    for move in range(1, x.shape[0]):
        more = x[move, ...]
        is_larger = more > top
        behind.append(xp.where(is_larger, top, more))
        flags.append(is_larger)
        top = xp.where(is_larger, more, top)
    finite = xp.where(top == -inf, 0.0, top)
    return top, [xp.exp(less - finite) for less in behind], flags


def _lift(xp: Any, x: Array) -> tuple[float, float]:
    """A power of 2 by which probabilities are kept away from denormal numbers, and the least number so lifted."""
    least = float(xp.finfo(x.dtype).smallest_normal)
    lift = 2.0 ** (-4 * frexp(least)[1] // 5)
    return lift, lift * least


def _softmax(xp: Any, x: Array) -> Array:
    """The softmax over the leading axis; 0 where all are -inf."""
    powers, total = _powers(xp, x)
    return powers / total


def _powers(xp: Any, x: Array) -> tuple[Array, Array]:
    """Numbers proportional to exp(x), and their sum over the leading axis; 1 where all are 0."""
    powers = xp.exp(x - _common(xp, x, 0))
    total = xp.sum(powers, axis=0, keepdims=True)
    return powers, xp.where(total == 0, 1.0, total)


def _divided(xp: Any, shared: Array, x: Array) -> Array:
    """The product of `shared` and the softmax of x over its leading axis, with one quotient for all entries of that."""
    powers, total = _powers(xp, x)
    return powers * (shared[None, ...] / total)


def _divided_among_few(xp: Any, shared: Array, x: Array) -> Array:
    """`_divided` over a short leading axis, as `_log_sum_of_few`."""
    top, powers, flags = _ranked(xp, x)
    share = xp.where(top == -inf, 0.0, shared / (1 + sum(powers[1:], powers[0])))
    lead, ordered = xp.ones_like(top), []
    for power, is_larger in zip(reversed(powers), reversed(flags), strict=True):
        ordered.append(xp.where(is_larger, lead, power) * share)
        lead = xp.where(is_larger, power, lead)
    return xp.stack([lead * share, *reversed(ordered)])


def _share_difference(xp: Any, x: Array, moved: Array, gaps: Array, gain: bool) -> tuple[Array, Array, Array]:
    """The softmax of x, that of x moved up or down by the gaps, and that of the higher minus that of the lower."""
    shares, moved_shares = _softmax(xp, x), _softmax(xp, moved)
    higher, lower = (moved_shares, shares) if gain else (shares, moved_shares)
    falls = -expm1(-gaps)
    mean = xp.sum(higher * falls, axis=0, keepdims=True)
    return shares, moved_shares, higher * falls - lower * mean


def _largest(xp: Any, x: Array) -> tuple[Array, Array]:
    top = xp.max(x, axis=0)
    return top, top


def _given_to_best(xp: Any, shared: Array, x: Array) -> Array:
    """All of `shared` to the first of the largest entries over the leading axis."""
    return _one_hot(xp, x) * shared[None, ...]


def _one_hot(xp: Any, x: Array) -> Array:
    """1 for the first of the largest entries over the leading axis, else 0; 0 where all are -inf."""
    best = xp.argmax(x, axis=0, keepdims=True)
    return xp.astype((positions(x, -len(x.shape), best.dtype) == best) & (x > -inf), x.dtype)
