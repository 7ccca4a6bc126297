"""Losses of label sequences that are scored as a linear chain: every label, and every pair of neighbours.

The score of labels y[0], ..., y[n - 1] is s(y) = start[y[0]] + sum_t emissions[t, y[t]] + sum_t transitions[y[t - 1],
y[t]] + end[y[n - 1]]; -inf rules out a label at a frame, a transition, a start or an end. The losses with costs are
those of `lossspec.losses.structured` whose candidates are all label sequences: the cost of one is the sum of its costs.
"""

from typing import Literal

from lossspec.declaration import Accuracy, Equal, loss, require
from lossspec.numerics import array_namespace, gather, positions, zero_where
from lossspec.paths import Paths
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
SHARED = Accuracy(4.0, 512.0, "a transition of 1e4 that paths share leaves its rounding in what else tells them apart")
SIZES = {"batch": 2, "time": 3, "classes": 3}


def _paths(emissions: Array, lengths: Array, transitions: Array, start: Array, end: Array) -> tuple[Array, ...]:
    """The arguments of `Paths`: paths start in the states of the first frame, and those of the other frames follow."""
    xp = array_namespace(emissions)
    batch, time, classes = emissions.shape
    require(time > 0, "linear chain: `emissions` has shape {}. Fix: pass at least one frame.", tuple(emissions.shape))
    (first, following), (_, running) = _split(emissions), _split(_running(emissions, lengths))
    arcs = xp.broadcast_to(transitions[None, ...], (batch, classes, classes))
    ends = xp.broadcast_to(end[None, ...], (batch, classes))
    return following, arcs, first + start[None, ...], ends, running if time > 1 else xp.zeros_like(running)


def _split(x: Array) -> tuple[Array, Array]:
    """The first frame and the others; where there are none, one that does not run stands for them."""
    return x[:, 0, ...], x if x.shape[1] == 1 else x[:, 1:, ...]


def _running(emissions: Array, lengths: Array) -> Array:
    return positions(emissions[:, :, 0], dtype=lengths.dtype) < lengths[:, None]


def _score_less_labels(
    emissions: Array, labels: Array, lengths: Array, transitions: Array, start: Array, end: Array, *costs: Array
) -> Array:
    """The score of all label sequences, with the costs as gains, less that of the labels; 0 where there are none."""
    paths = _paths(emissions, lengths, transitions, start, end)
    gains = [gain for x in costs for gain in _split(x)]
    score = CHAIN.score_less_path(*paths, *_split(labels), *gains)
    return array_namespace(score).where(lengths > 0, score, 0.0)


def _best(emissions: Array, lengths: Array, transitions: Array, start: Array, end: Array) -> Array:
    """The labels of the highest score."""
    xp = array_namespace(emissions)
    first, following = CHAIN.best(*_paths(emissions, lengths, transitions, start, end))
    return first[:, None] if emissions.shape[1] == 1 else xp.concat((first[:, None], following), axis=-1)


def _ahead(
    labels: Array,
    others: Array,
    emissions: Array,
    lengths: Array,
    transitions: Array,
    start: Array,
    end: Array,
) -> Array:
    """By how much the score of labels exceeds that of others: summed where they differ, so that nothing cancels."""
    xp = array_namespace(emissions)
    running = _running(emissions, lengths)

    def difference(table: Array, one: Array, other: Array) -> Array:
        mine, theirs = (xp.reshape(xp.take(table, xp.reshape(x, (-1,)), axis=0), x.shape) for x in (one, other))
        return zero_where(mine - theirs, (one == other) & (mine == mine))

    mine, theirs = gather(emissions, labels), gather(emissions, others)
    differences = zero_where(mine - theirs, (labels == others) & (mine == mine))
    total = xp.sum(xp.where(running, differences, 0.0), axis=-1)
    classes = emissions.shape[2]
    moves = [x[:, :-1] * classes + x[:, 1:] for x in (labels, others)]
    differences = difference(xp.reshape(transitions, (-1,)), *moves)
    total = total + xp.sum(xp.where(running[:, 1:], differences, 0.0), axis=-1)
    final = xp.where(lengths > 0, lengths - 1, 0)
    ends = difference(start, labels[:, 0], others[:, 0]) + difference(end, gather(labels, final), gather(others, final))
    return total + xp.where(lengths > 0, ends, 0.0)


def _cost(labels: Array, costs: Array, lengths: Array) -> Array:
    """The costs of labels, summed."""
    xp = array_namespace(costs)
    return xp.sum(xp.where(_running(costs, lengths), gather(costs, labels), 0.0), axis=-1)


@loss(
    family="linear_chain",
    unit="sequence",
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
    convex_in=("emissions", "transitions", "start", "end"),
    invariant_in=("emissions", "start", "end"),
    accuracy=SHARED,
    sizes=SIZES,
)
def crf(
    emissions: Logits["batch time classes"],
    labels: Label["batch time"],
    lengths: Length["batch", "of time"],
    transitions: Logits["classes classes"],
    start: Logits["classes"],
    end: Logits["classes"],
) -> Real["batch"]:
    """The negative log-likelihood of a label sequence under a linear-chain conditional random field.

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
    return _score_less_labels(emissions, labels, lengths, transitions, start, end)


@loss(
    family="linear_chain",
    unit="sequence",
    source="Lafferty, McCallum and Pereira 2001, Conditional random fields, ICML, pages 282-289",
    convex_in=("emissions", "transitions", "start", "end"),
    accuracy=SHARED,
    sizes=SIZES,
)
def crf_log_partition(
    emissions: Logits["batch time classes"],
    lengths: Length["batch", "of time"],
    transitions: Logits["classes classes"],
    start: Logits["classes"],
    end: Logits["classes"],
) -> Real["batch"]:
    """The logarithm of the sum of exp(score) over all label sequences of a linear chain: its gradient is the marginals.

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
    score = CHAIN.score(*_paths(emissions, lengths, transitions, start, end))
    return array_namespace(score).where(lengths > 0, score, 0.0)


def crf_marginals(emissions: Array, lengths: Array, transitions: Array, start: Array, end: Array) -> Array:
    """The probability of each label at each frame of a linear chain, [batch time classes]; 0 beyond the lengths.

    It is the gradient of `crf_log_partition` in the emissions, and can be differentiated.

    >>> import numpy as np
    >>> zeros = np.zeros(2)
    >>> crf_marginals(np.zeros((1, 2, 2)), np.asarray([1]), np.zeros((2, 2)), zeros, zeros).tolist()
    [[[0.5, 0.5], [0.0, 0.0]]]
    """
    crf_log_partition.check(emissions, lengths, transitions, start, end)
    return _marginals(emissions, lengths, transitions, start, end)


def _marginals(emissions: Array, lengths: Array, transitions: Array, start: Array, end: Array) -> Array:
    xp = array_namespace(emissions)
    shares = CHAIN.shares(*_paths(emissions, lengths, transitions, start, end))
    first = xp.where((lengths > 0)[:, None], shares.start, 0.0)[:, None, :]
    return first if emissions.shape[1] == 1 else xp.concat((first, shares.states), axis=1)


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
    xp = array_namespace(emissions)
    best = _best(emissions, lengths, transitions, start, end)
    return xp.where(_running(emissions, lengths), best, 0)


@loss(
    family="linear_chain",
    unit="sequence",
    source="Collins 2002, Discriminative training methods for hidden Markov models, EMNLP, doi:10.3115/1118693.1118694",
    convex_in=("emissions", "transitions", "start", "end"),
    invariant_in=("emissions", "start", "end"),
    sizes=SIZES,
)
def chain_perceptron(
    emissions: Logits["batch time classes"],
    labels: Label["batch time"],
    lengths: Length["batch", "of time"],
    transitions: Logits["classes classes"],
    start: Logits["classes"],
    end: Logits["classes"],
) -> Real["batch"]:
    """By how much the best label sequence of a linear chain is ahead of the right one: the structured perceptron.

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
    best = _best(emissions, lengths, transitions, start, end)
    return _ahead(best, labels, emissions, lengths, transitions, start, end)


@loss(
    family="linear_chain",
    unit="sequence",
    source="Taskar, Guestrin and Koller 2003, Max-margin Markov networks, NIPS 16; Tsochantaridis, Joachims, Hofmann "
    "and Altun 2005, Journal of Machine Learning Research 6, pages 1453-1484 (margin rescaling)",
    aliases=("max_margin_markov", "sequence_level_margin"),
    convex_in=("emissions", "costs", "transitions", "start", "end"),
    invariant_in=("emissions", "start", "end"),
    sizes=SIZES,
)
def chain_hinge(
    emissions: Logits["batch time classes"],
    labels: Label["batch time"],
    costs: Cost["batch time classes"],
    lengths: Length["batch", "of time"],
    transitions: Logits["classes classes"],
    start: Logits["classes"],
    end: Logits["classes"],
) -> Real["batch"]:
    """By how much some label sequence of a linear chain, its cost added, is ahead of the right one: max-margin Markov.

    l = max_y (s(y) + c(y)) - s(labels), with the score s(y) of `crf` and c(y) = sum_t costs[t, y[t]], such as 1 for
    every wrong label (Hamming). It is convex in scores and costs together, and an upper bound of the cost of the labels
    of the highest score.

    Shapes: as `crf`, and `costs` [batch time classes] >= 0, those of the right labels usually 0 -> sequence [batch].
    Weights and mean: as `chain_perceptron`.
    Errors: as `crf`; a negative cost raises under `checking("values")`.
    Equals: over candidates `structured_hinge`.

    >>> import numpy as np
    >>> emissions, costs, zeros = np.asarray([[[2.0, 0.0], [1.0, 0.5]]]), np.asarray([[[0.0, 1.0]] * 2]), np.zeros(2)
    >>> float(chain_hinge(emissions, np.asarray([[0, 0]]), costs, np.asarray([2]), np.zeros((2, 2)), zeros, zeros))
    0.5
    """
    worst = _best(emissions + costs, lengths, transitions, start, end)
    return _ahead(worst, labels, emissions, lengths, transitions, start, end) + _cost(worst, costs, lengths)


@loss(
    family="linear_chain",
    unit="sequence",
    source="Gimpel and Smith 2010, Softmax-margin CRFs, NAACL HLT, pages 733-736, ACL N10-1112",
    convex_in=("emissions", "costs", "transitions", "start", "end"),
    invariant_in=("emissions", "start", "end"),
    sizes=SIZES,
)
def chain_softmax_margin(
    emissions: Logits["batch time classes"],
    labels: Label["batch time"],
    costs: Cost["batch time classes"],
    lengths: Length["batch", "of time"],
    transitions: Logits["classes classes"],
    start: Logits["classes"],
    end: Logits["classes"],
) -> Real["batch"]:
    """The likelihood loss of a linear chain in which every label sequence is ahead by its cost.

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
    return _score_less_labels(emissions, labels, lengths, transitions, start, end, costs)


@loss(
    family="linear_chain",
    unit="sequence",
    source="Smith and Eisner 2006, Minimum risk annealing, COLING-ACL, pages 787-794, ACL P06-2101",
    convex_in=("costs",),
    invariant_in=("emissions", "start", "end"),
    sizes=SIZES,
)
def chain_risk(
    emissions: Logits["batch time classes"],
    costs: Cost["batch time classes"],
    lengths: Length["batch", "of time"],
    transitions: Logits["classes classes"],
    start: Logits["classes"],
    end: Logits["classes"],
) -> Real["batch"]:
    """The expected cost of a label sequence that is drawn from a linear chain: minimum risk training.

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
    chain = lengths, transitions, start, end
    best = _best(emissions, *chain)
    risk = CHAIN.expected_cost(*_paths(emissions, *chain), *_split(best), *_split(costs))
    return array_namespace(risk).where(lengths > 0, risk, 0.0)


@loss(
    family="linear_chain",
    unit="sequence",
    source="Gimpel and Smith 2012, Structured ramp loss minimization for machine translation, NAACL HLT, pages "
    "221-231, ACL N12-1023; the first variant: Do et al. 2008, NIPS 21",
    invariant_in=("emissions", "start", "end"),
    sizes=SIZES,
)
def chain_ramp(
    emissions: Logits["batch time classes"],
    costs: Cost["batch time classes"],
    lengths: Length["batch", "of time"],
    transitions: Logits["classes classes"],
    start: Logits["classes"],
    end: Logits["classes"],
    *,
    variant: Literal[1, 2, 3] = 1,
) -> Real["batch"]:
    """The gap of the scores of two label sequences of a linear chain, found with the costs as a gain or as a loss.

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
    chain = lengths, transitions, start, end
    fear = _best(emissions if variant == 2 else emissions + costs, *chain)
    hope = _best(emissions if variant == 1 else emissions - costs, *chain)
    gap = _ahead(fear, hope, emissions, *chain)
    if variant != 2:
        gap = gap + _cost(fear, costs, lengths)
    return gap if variant == 1 else gap + _cost(hope, costs, lengths)


@loss(
    family="linear_chain",
    unit="sequence",
    source="variant 1: Gimpel and Smith 2010, Softmax-margin CRFs, NAACL HLT, pages 733-736, ACL N10-1112, their "
    "Jensen risk bound; variants 2 and 3: derived here from the ramps of Gimpel and Smith 2012, ACL N12-1023",
    invariant_in=("emissions", "start", "end"),
    sizes=SIZES,
)
def chain_soft_ramp(
    emissions: Logits["batch time classes"],
    costs: Cost["batch time classes"],
    lengths: Length["batch", "of time"],
    transitions: Logits["classes classes"],
    start: Logits["classes"],
    end: Logits["classes"],
    *,
    variant: Literal[1, 2, 3] = 1,
) -> Real["batch"]:
    """The smooth forms of the ramps over a linear chain: logarithms of sums of exponentials for the maxima.

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
    chain = lengths, transitions, start, end
    best = _best(emissions, *chain)
    if variant == 3:
        emissions, costs = emissions - costs, 2 * costs
    of_costs = CHAIN.negative_log_mean_exp_cost if variant == 2 else CHAIN.log_mean_exp_cost
    ramp = of_costs(*_paths(emissions, *chain), *_split(best), *_split(costs))
    return array_namespace(ramp).where(lengths > 0, ramp, 0.0)


@loss(
    family="linear_chain",
    unit="sequence",
    source="Flanigan, Dyer, Smith and Carbonell 2016, CMU at SemEval-2016 task 8, ACL S16-1186",
    invariant_in=("emissions", "start", "end"),
    sizes=SIZES,
)
def chain_infinite_ramp(
    emissions: Logits["batch time classes"],
    costs: Cost["batch time classes"],
    lengths: Length["batch", "of time"],
    transitions: Logits["classes classes"],
    start: Logits["classes"],
    end: Logits["classes"],
) -> Real["batch"]:
    """The third ramp over a linear chain whose hope counts costs without bound: the best of the cheapest labels.

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
    xp = array_namespace(emissions)
    chain = lengths, transitions, start, end
    cheapest = ~(costs > xp.min(costs, axis=-1, keepdims=True))
    fear = _best(emissions + costs, *chain)
    hope = _best(xp.where(cheapest, emissions, IMPOSSIBLE), *chain)
    return _ahead(fear, hope, emissions, *chain) + _cost(fear, costs, lengths)
