"""Losses of label sequences that are scored as a linear chain: every label, and every pair of neighbours.

The score of labels y[0], ..., y[n - 1] is s(y) = start[y[0]] + sum_t emissions[t, y[t]] + sum_t transitions[y[t - 1],
y[t]] + end[y[n - 1]]; -inf rules out a label at a frame, a transition, a start or an end. The losses with costs are
those of `lossspec.losses.structured` whose candidates are all label sequences: the cost of a sequence y is c(y) = sum_t
costs[t, y[t]].
"""

from functools import partial
from typing import Any, Literal, NamedTuple

from lossspec.declaration import Accuracy, Equal, loss, require
from lossspec.numerics import array_namespace, gather, positions, zero_where
from lossspec.paths import Lattice, Paths
from lossspec.terms import Array, Cost, Label, Length, Logits, Real

__all__ = [
    "chain_hinge",
    "chain_infinite_ramp",
    "chain_perceptron",
    "chain_ramp",
    "chain_risk",
    "chain_soft_ramp",
    "chain_softmax_margin",
    "crf",
    "crf_decode",
    "crf_log_partition",
    "crf_marginals",
]

IMPOSSIBLE = float("-inf")
CHAIN = Paths()
SHARED = Accuracy(4.0, 512.0, "a transition of 1e4 that paths share leaves its rounding in their differences")

Frames: Any = Logits["batch time classes"]
Labels: Any = Label["batch time"]
Costs: Any = Cost["batch time classes"]
Lengths: Any = Length["batch", "of time"]
Transitions: Any = Logits["classes classes"]
Ends: Any = Logits["classes"]

chain_loss = partial(loss, family="linear_chain", unit="sequence", sizes={"batch": 2, "time": 3, "classes": 3})
"""The decorator `loss`, with the declarations that all losses of this file share."""

_SCORES = ("emissions", "transitions", "start", "end")
_SHIFTED = ("emissions", "start", "end")
"""The scores that are read once in every label sequence, so that adding a constant to all classes changes nothing."""


class Chain(NamedTuple):
    """The scores of a linear chain, and the lengths of its label sequences."""

    emissions: Array
    lengths: Array
    transitions: Array
    start: Array
    end: Array

    def lattice(self) -> Lattice:
        """The paths of the chain: they start in the states of the first frame, and those of the other frames follow."""
        xp = array_namespace(self.emissions)
        batch, time, classes = shape = self.emissions.shape
        require(time > 0, "linear chain: `emissions` has shape {}. Fix: pass at least one frame.", tuple(shape))
        (first, following), (_, running) = _split(self.emissions), _split(self.running())
        return Lattice(
            following,
            xp.broadcast_to(self.transitions[None, ...], (batch, classes, classes)),
            first + self.start[None, ...],
            xp.broadcast_to(self.end[None, ...], (batch, classes)),
            running if time > 1 else xp.zeros_like(running),
        )

    def running(self) -> Array:
        """True at the frames that a sequence has."""
        return positions(self.emissions[:, :, 0], dtype=self.lengths.dtype) < self.lengths[:, None]

    def or_zero(self, value: Array) -> Array:
        """The value of a sequence, and 0 for one without labels."""
        return array_namespace(value).where(self.lengths > 0, value, 0.0)

    def score_less_labels(self, labels: Array, *costs: Array) -> Array:
        """The log-sum of the scores of all label sequences, the costs as gains, minus the score of the labels."""
        gains = [gain for x in costs for gain in _split(x)]
        return self.or_zero(CHAIN.score_less_path(*self.lattice(), *_split(labels), *gains))

    def best(self, emissions: Array | None = None) -> Array:
        """The labels of the highest score, of these emissions if given."""
        chain = self if emissions is None else self._replace(emissions=emissions)
        first, following = CHAIN.best(chain.lattice())
        if self.emissions.shape[1] == 1:
            return first[:, None]
        return array_namespace(first).concat((first[:, None], following), axis=-1)

    def lead(self, labels: Array, others: Array) -> Array:
        """The score of labels minus that of others, summed over the places where they differ: nothing cancels."""
        emissions, lengths, transitions, start, end = self
        xp = array_namespace(emissions)
        running = self.running()

        def difference(mine: Array, theirs: Array, same: Array) -> Array:
            return zero_where(mine - theirs, same & (mine == mine))

        def of_table(table: Array, one: Array, other: Array) -> Array:
            mine, theirs = (xp.reshape(xp.take(table, xp.reshape(x, (-1,)), axis=0), x.shape) for x in (one, other))
            return difference(mine, theirs, one == other)

        frames = difference(gather(emissions, labels), gather(emissions, others), labels == others)
        total = xp.sum(xp.where(running, frames, 0.0), axis=-1)
        classes = emissions.shape[2]
        moves = [x[:, :-1] * classes + x[:, 1:] for x in (labels, others)]
        changes = of_table(xp.reshape(transitions, (-1,)), *moves)
        total = total + xp.sum(xp.where(running[:, 1:], changes, 0.0), axis=-1)
        final = xp.where(lengths > 0, lengths - 1, 0)
        first = of_table(start, labels[:, 0], others[:, 0])
        return total + self.or_zero(first + of_table(end, gather(labels, final), gather(others, final)))

    def cost(self, labels: Array, costs: Array) -> Array:
        """The sum of the costs of labels."""
        xp = array_namespace(costs)
        return xp.sum(xp.where(self.running(), gather(costs, labels), 0.0), axis=-1)


def _split(x: Array) -> tuple[Array, Array]:
    """Return the first frame and the others; without others, the first stands for them and is not running."""
    return x[:, 0, ...], x if x.shape[1] == 1 else x[:, 1:, ...]


@chain_loss(
    source="Lafferty, McCallum and Pereira 2001, Conditional random fields, ICML, pages 282-289",
    aliases=("linear_chain_crf", "crf_loss"),
    also={
        "torchcrf:CRF": "it is the log-likelihood, a sum over sequences. Fix: -1.0 * crf.configured(reduction='sum')",
    },
    equals=tuple(
        Equal(
            "pytorch-crf",
            "-torch.func.functional_call(torchcrf.CRF(len(start), batch_first=True).to(emissions.dtype), "
            "{'transitions': transitions, 'start_transitions': start, 'end_transitions': end}, "
            "(emissions, labels, torch.arange(labels.shape[1]) < lengths[:, None]), "
            f"{{'reduction': {name!r}}})",
            reduction=name,
            when="len(lengths) > 0 and np.all(lengths > 0)",
        )
        for name in ("none", "token_mean")
    ),
    convex_in=_SCORES,
    invariant_in=_SHIFTED,
    accuracy=SHARED,
)
def crf(
    emissions: Frames, labels: Labels, lengths: Lengths, transitions: Transitions, start: Ends, end: Ends
) -> Real["batch"]:
    """CRF loss: the negative log-likelihood of a label sequence under a linear-chain conditional random field.

    l = log sum_y exp(s(y)) - s(labels), the sum over all label sequences y of `lengths` labels, with s(y) = start[y[0]]
    + sum_t emissions[t, y[t]] + sum_t transitions[y[t - 1], y[t]] + end[y[lengths - 1]]. It is convex in all scores.

    Shapes: `emissions` [batch time classes], `labels` integers [batch time] in [0, classes), `lengths` integers [batch]
    in [0, time]: what lies beyond them is padding and may hold anything; `transitions` [classes classes], from a label
    (first axis) to the next; `start` and `end` [classes]; -inf rules out -> sequence [batch].
    Weights and mean: the common contract; "mean" weighs sequences equally, "token_mean" divides the sum by the number
    of labels. A sequence without labels has loss 0; labels that are ruled out have loss inf.
    Errors: `ContractError` for another shape or a batch without frames; a label or length out of range gives NaN, and
    raises under `checking("values")`.
    Equals: pytorch-crf `-CRF(classes, batch_first=True)(emissions, labels, mask)`, which sums over sequences unless
    told, and names the mean over labels "token_mean" too.

    >>> import numpy as np
    >>> zeros = np.zeros(2)
    >>> l = crf(np.zeros((1, 3, 2)), np.asarray([[0, 1, 1]]), np.asarray([3]), np.zeros((2, 2)), zeros, zeros)
    >>> round(float(np.exp(l)), 12)
    8.0
    """
    return Chain(emissions, lengths, transitions, start, end).score_less_labels(labels)


@chain_loss(
    source="Lafferty, McCallum and Pereira 2001, Conditional random fields, ICML, pages 282-289",
    convex_in=_SCORES,
    accuracy=SHARED,
)
def crf_log_partition(
    emissions: Frames, lengths: Lengths, transitions: Transitions, start: Ends, end: Ends
) -> Real["batch"]:
    """The log-partition function of a linear-chain conditional random field, whose gradient is its posterior marginals.

    l = log sum_y exp(s(y)), the sum over all label sequences y of `lengths` labels, with the score s(y) of `crf`. It is
    no loss by itself; `crf` is this less the score of the labels. It is convex in all scores.

    Shapes: as `crf` without labels -> sequence [batch].
    Weights and mean: the common contract. A sequence without labels has 0; one whose label sequences are all ruled out
    has -inf, with gradient 0.
    Errors: as `crf`.
    Equals: pytorch-crf computes it within its loss and gives no name to it.

    >>> import numpy as np
    >>> zeros = np.zeros(2)
    >>> l = crf_log_partition(np.zeros((1, 3, 2)), np.asarray([3]), np.zeros((2, 2)), zeros, zeros)
    >>> round(float(np.exp(l)), 12)
    8.0
    """
    chain = Chain(emissions, lengths, transitions, start, end)
    return chain.or_zero(CHAIN.score(*chain.lattice()))


def crf_marginals(emissions: Array, lengths: Array, transitions: Array, start: Array, end: Array) -> Array:
    """Posterior marginals of a linear chain: the probability of each label at each frame, 0 beyond the lengths.

    [batch time classes]. They are the gradient of `crf_log_partition` in the emissions, and can be differentiated.

    >>> import numpy as np
    >>> zeros = np.zeros(2)
    >>> crf_marginals(np.zeros((1, 2, 2)), np.asarray([1]), np.zeros((2, 2)), zeros, zeros).tolist()
    [[[0.5, 0.5], [0.0, 0.0]]]
    """
    crf_log_partition.check(emissions, lengths, transitions, start, end)
    chain, xp = Chain(emissions, lengths, transitions, start, end), array_namespace(emissions)
    marginals = CHAIN.marginals(chain.lattice())
    first = xp.where((lengths > 0)[:, None], marginals.start, 0.0)[:, None, :]
    return first if emissions.shape[1] == 1 else xp.concat((first, marginals.states), axis=1)


def crf_decode(emissions: Array, lengths: Array, transitions: Array, start: Array, end: Array) -> Array:
    """The label sequence of the highest score, [batch time], by the algorithm of Viterbi; 0 beyond the lengths.

    Of several label sequences with that score it is one.

    >>> import numpy as np
    >>> zeros = np.zeros(2)
    >>> emissions, changes = np.asarray([[[2.0, 0.0], [1.0, 0.0], [0.0, 3.0]]]), np.asarray([[-9.0, 0.0], [0.0, -9.0]])
    >>> crf_decode(emissions, np.asarray([3]), changes, zeros, zeros).tolist()
    [[1, 0, 1]]
    """
    crf_log_partition.check(emissions, lengths, transitions, start, end)
    chain = Chain(emissions, lengths, transitions, start, end)
    return array_namespace(emissions).where(chain.running(), chain.best(), 0)


@chain_loss(
    source="Collins 2002, Discriminative training methods for hidden Markov models, EMNLP, doi:10.3115/1118693.1118694",
    convex_in=_SCORES,
    invariant_in=_SHIFTED,
)
def chain_perceptron(
    emissions: Frames, labels: Labels, lengths: Lengths, transitions: Transitions, start: Ends, end: Ends
) -> Real["batch"]:
    """Structured perceptron loss of a linear chain: the score of the best label sequence minus that of the right one.

    l = max_y s(y) - s(labels), with the score s(y) of `crf`. It is convex in all scores, and no upper bound of a cost:
    it is 0 where all scores are 0.

    Shapes: as `crf` -> sequence [batch].
    Weights and mean: the common contract; "token_mean" divides the sum by the number of labels. Of several best label
    sequences one has the gradient. A sequence without labels has loss 0; labels that are ruled out have loss inf.
    Errors: as `crf`.
    Equals: over candidates `multiclass_perceptron`.

    >>> import numpy as np
    >>> emissions, zeros = np.asarray([[[2.0, 0.0], [0.5, 1.0]]]), np.zeros(2)
    >>> float(chain_perceptron(emissions, np.asarray([[0, 0]]), np.asarray([2]), np.zeros((2, 2)), zeros, zeros))
    0.5
    """
    chain = Chain(emissions, lengths, transitions, start, end)
    return chain.lead(chain.best(), labels)


@chain_loss(
    source="Taskar, Guestrin and Koller 2003, Max-margin Markov networks, NIPS 16; Tsochantaridis, Joachims, Hofmann "
    "and Altun 2005, Journal of Machine Learning Research 6, pages 1453-1484 (margin rescaling)",
    aliases=("max_margin_markov", "sequence_level_margin"),
    convex_in=("costs", *_SCORES),
    invariant_in=_SHIFTED,
)
def chain_hinge(
    emissions: Frames, labels: Labels, costs: Costs, lengths: Lengths, transitions: Transitions, start: Ends, end: Ends
) -> Real["batch"]:
    """Structured hinge loss of a linear chain (max-margin Markov network), whose margin grows with the cost of labels.

    l = max_y (s(y) + c(y)) - s(labels), with the score s(y) of `crf` and the cost c(y) = sum_t costs[t, y[t]], such
    as 1 for every wrong label (Hamming). It is convex in scores and costs together, and an upper bound of the cost of
    the labels of the highest score.

    Shapes: as `crf`, and `costs` [batch time classes] >= 0, those of the right labels usually 0 -> sequence [batch].
    Weights and mean: as `chain_perceptron`.
    Errors: as `crf`; a negative cost raises under `checking("values")`.
    Equals: over candidates `structured_hinge`.

    >>> import numpy as np
    >>> emissions, costs, zeros = np.asarray([[[2.0, 0.0], [1.0, 0.5]]]), np.asarray([[[0.0, 1.0]] * 2]), np.zeros(2)
    >>> float(chain_hinge(emissions, np.asarray([[0, 0]]), costs, np.asarray([2]), np.zeros((2, 2)), zeros, zeros))
    0.5
    """
    chain = Chain(emissions, lengths, transitions, start, end)
    worst = chain.best(emissions + costs)
    return chain.lead(worst, labels) + chain.cost(worst, costs)


@chain_loss(
    source="Gimpel and Smith 2010, Softmax-margin CRFs, NAACL HLT, pages 733-736, ACL N10-1112",
    convex_in=("costs", *_SCORES),
    invariant_in=_SHIFTED,
)
def chain_softmax_margin(
    emissions: Frames, labels: Labels, costs: Costs, lengths: Lengths, transitions: Transitions, start: Ends, end: Ends
) -> Real["batch"]:
    """Softmax-margin loss of a linear chain: `crf` with the cost of each label sequence added to its score.

    l = log sum_y exp(s(y) + c(y)) - s(labels), with the score s(y) of `crf` and c(y) = sum_t costs[t, y[t]]. It is
    convex in scores and costs together, at least `chain_hinge` and at least `crf`: an upper bound of the cost of the
    labels of the highest score.

    Shapes: as `chain_hinge` -> sequence [batch].
    Weights and mean: as `crf`.
    Errors: as `chain_hinge`.
    Equals: over candidates `softmax_margin`; `crf` of `emissions + costs`, plus the cost of the labels.

    >>> import math
    >>> import numpy as np
    >>> costs, zeros = np.asarray([[[0.0, math.log(3.0)]] * 2]), np.zeros(2)
    >>> chain = np.asarray([2]), np.zeros((2, 2)), zeros, zeros
    >>> round(math.exp(float(chain_softmax_margin(0 * costs, np.asarray([[0, 0]]), costs, *chain))), 12)
    16.0
    """
    return Chain(emissions, lengths, transitions, start, end).score_less_labels(labels, costs)


@chain_loss(
    source="Smith and Eisner 2006, Minimum risk annealing, COLING-ACL, pages 787-794, ACL P06-2101",
    convex_in=("costs",),
    invariant_in=_SHIFTED,
)
def chain_risk(
    emissions: Frames, costs: Costs, lengths: Lengths, transitions: Transitions, start: Ends, end: Ends
) -> Real["batch"]:
    """Bayes risk of a linear chain: the expected cost of a label sequence that is drawn from it.

    l = sum_y p(y) c(y) = sum_t sum_k P(y[t] = k) costs[t, k], with p(y) proportional to exp(s(y)), the score s(y) of
    `crf` and c(y) = sum_t costs[t, y[t]]. It is linear in the costs, not convex in the scores, and no upper bound of
    the cost of the labels of the highest score.

    Shapes: as `crf_log_partition`, and `costs` [batch time classes] >= 0 -> sequence [batch].
    Weights and mean: as `crf`; a sequence whose label sequences are all ruled out has 0.
    Errors: as `chain_hinge`.
    Equals: over candidates `risk`.

    >>> import math
    >>> import numpy as np
    >>> emissions, costs, zeros = np.asarray([[[math.log(3.0), 0.0]] * 2]), np.asarray([[[0.0, 2.0]] * 2]), np.zeros(2)
    >>> round(float(chain_risk(emissions, costs, np.asarray([2]), np.zeros((2, 2)), zeros, zeros)), 12)
    1.0
    """
    chain = Chain(emissions, lengths, transitions, start, end)
    return chain.or_zero(CHAIN.expected_cost(*chain.lattice(), *_split(chain.best()), *_split(costs)))


@chain_loss(
    source="Gimpel and Smith 2012, Structured ramp loss minimization for machine translation, NAACL HLT, pages "
    "221-231, ACL N12-1023; the first variant: Do et al. 2008, NIPS 21",
    invariant_in=_SHIFTED,
)
def chain_ramp(
    emissions: Frames,
    costs: Costs,
    lengths: Lengths,
    transitions: Transitions,
    start: Ends,
    end: Ends,
    *,
    variant: Literal[1, 2, 3] = 1,
) -> Real["batch"]:
    """Ramp loss of a linear chain: the gap between two best scores, found with costs added, left out or subtracted.

    l = fear - model for variant 1, model - hope for variant 2, fear - hope for variant 3, with fear = max_y (s(y) +
    c(y)), model = max_y s(y), hope = max_y (s(y) - c(y)), the score s(y) of `crf` and c(y) = sum_t costs[t, y[t]].

    None is convex in the scores. With c the cost of the labels of the highest score, 0 <= variant 2 <= c <= variant 1
    <= variant 3: the first and the third are upper bounds of the cost of what is predicted.

    Shapes: as `chain_risk` -> sequence [batch].
    Weights and mean: as `crf`. Of several label sequences that attain a maximum one has the gradient.
    Errors: as `chain_hinge`, and for another variant.
    Equals: over candidates `ramp`.

    >>> import numpy as np
    >>> emissions, costs, zeros = np.asarray([[[0.0, 0.5]]]), np.asarray([[[0.0, 2.0]]]), np.zeros(2)
    >>> chain = np.asarray([1]), np.zeros((2, 2)), zeros, zeros
    >>> [float(chain_ramp(emissions, costs, *chain, variant=variant)) for variant in (1, 2, 3)]
    [2.0, 0.5, 2.5]
    """
    chain = Chain(emissions, lengths, transitions, start, end)
    fear = chain.best(emissions if variant == 2 else emissions + costs)
    hope = chain.best(emissions if variant == 1 else emissions - costs)
    gap = chain.lead(fear, hope)
    if variant != 2:
        gap = gap + chain.cost(fear, costs)
    return gap if variant == 1 else gap + chain.cost(hope, costs)


@chain_loss(
    source="variant 1: Gimpel and Smith 2010, Softmax-margin CRFs, NAACL HLT, pages 733-736, ACL N10-1112, their "
    "Jensen risk bound; variants 2 and 3: derived here from the ramps of Gimpel and Smith 2012, ACL N12-1023",
    invariant_in=_SHIFTED,
)
def chain_soft_ramp(
    emissions: Frames,
    costs: Costs,
    lengths: Lengths,
    transitions: Transitions,
    start: Ends,
    end: Ends,
    *,
    variant: Literal[1, 2, 3] = 1,
) -> Real["batch"]:
    """Soft ramp loss of a linear chain: `chain_ramp` with log-sum-exp in place of each maximum.

    l = fear - model for variant 1, model - hope for variant 2, fear - hope for variant 3, with fear = log sum_y
    exp(s(y) + c(y)), model = log sum_y exp(s(y)), hope = log sum_y exp(s(y) - c(y)), the score s(y) of `crf` and
    c(y) = sum_t costs[t, y[t]]. Variant 1 is the logarithm of the mean of exp(c(y)) under the chain.

    None is convex in the scores; in the costs variant 1 is convex and variant 2 concave. Variant 2 <= `chain_risk` <=
    variant 1, and variant 3 is their sum. None is an upper bound of the cost of the labels of the highest score.

    Shapes: as `chain_risk` -> sequence [batch].
    Weights and mean: as `chain_risk`. Small costs, and small losses of sure chains, keep their digits.
    Errors: as `chain_hinge`, and for another variant.
    Equals: over candidates `soft_ramp`.

    >>> import math
    >>> import numpy as np
    >>> costs, zeros = np.asarray([[[0.0, math.log(2.0)]] * 2]), np.zeros(2)
    >>> chain = 0 * costs, costs, np.asarray([2]), np.zeros((2, 2)), zeros, zeros
    >>> [round(math.exp(float(chain_soft_ramp(*chain, variant=variant))), 12) for variant in (1, 2, 3)]
    [2.25, 1.777777777778, 4.0]
    """
    chain = Chain(emissions, lengths, transitions, start, end)
    best = chain.best()
    if variant == 3:
        chain, costs = chain._replace(emissions=emissions - costs), 2 * costs
    of_costs = CHAIN.negative_log_mean_exp_cost if variant == 2 else CHAIN.log_mean_exp_cost
    return chain.or_zero(of_costs(*chain.lattice(), *_split(best), *_split(costs)))


@chain_loss(
    source="Flanigan, Dyer, Smith and Carbonell 2016, CMU at SemEval-2016 task 8, ACL S16-1186",
    invariant_in=_SHIFTED,
)
def chain_infinite_ramp(
    emissions: Frames, costs: Costs, lengths: Lengths, transitions: Transitions, start: Ends, end: Ends
) -> Real["batch"]:
    """Ramp loss of a linear chain without right labels: the best of the cheapest label sequences takes their place.

    l = max_y (s(y) + c(y)) - max_{y: c(y) = m} s(y), with the score s(y) of `crf`, c(y) = sum_t costs[t, y[t]] and m
    the least cost there is: the limit of max_y (s(y) + c(y)) - max_y (s(y) - a c(y)) - a m for large a. An upper bound
    of the cost of the labels of the highest score. Where every frame has one cheapest label it is `chain_hinge` with
    these as labels, and convex in the scores; elsewhere it is not.

    Shapes: as `chain_risk` -> sequence [batch].
    Weights and mean: as `chain_ramp`. It is inf where all cheapest label sequences are ruled out: a label costs as much
    as `costs` says whether or not a transition leads to it.
    Errors: as `chain_hinge`.
    Equals: over candidates `infinite_ramp`.

    >>> import numpy as np
    >>> emissions, costs, zeros = np.asarray([[[1.0, 2.5, 2.0]]]), np.asarray([[[0.0, 1.0, 0.0]]]), np.zeros(3)
    >>> float(chain_infinite_ramp(emissions, costs, np.asarray([1]), np.zeros((3, 3)), zeros, zeros))
    1.5
    """
    chain, xp = Chain(emissions, lengths, transitions, start, end), array_namespace(emissions)
    cheapest = ~(costs > xp.min(costs, axis=-1, keepdims=True))
    fear = chain.best(emissions + costs)
    hope = chain.best(xp.where(cheapest, emissions, IMPOSSIBLE))
    return chain.lead(fear, hope) + chain.cost(fear, costs)
