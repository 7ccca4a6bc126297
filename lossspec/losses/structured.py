"""Losses over a set of candidates that each have a score and a cost: margins that grow with the cost, risk, ramps.

The candidates lie on the axis `classes`. Of the losses that know no costs, that of a conditional random field is
`cross_entropy` over the candidates, that of the structured perceptron `multiclass_perceptron`.
"""

from math import inf
from typing import Any, Literal

from lossspec.declaration import Equal, loss
from lossspec.numerics import (
    absolute,
    array_namespace,
    balanced,
    expm1,
    first_largest,
    gather,
    log_mean_exp,
    log_ratio_of_sums,
    logsumexp,
    negative_log_mean_exp,
    positions,
    softmax,
    softmax_mean,
    zero_where,
)
from lossspec.primitive import primitive
from lossspec.terms import Array, Cost, Label, Logits, Real

__all__ = ["infinite_ramp", "mwer", "ramp", "risk", "soft_ramp", "softmax_margin", "structured_hinge"]


def _ahead(scores: Array, chosen: Array) -> tuple[Array, Array]:
    """The lead of each candidate's score over that of the chosen one, and the mask of a chosen one that is ruled out.

    That of the chosen one is the constant 0, so that nothing of large scores is left in costs that are added, and the
    derivative in its score is minus the sum of the others', which may be small.
    """
    xp = array_namespace(scores)
    own = gather(scores, chosen)
    ruled_out = own == -inf
    excess = scores - xp.where(ruled_out, 0.0, own)[..., None]
    return zero_where(excess, positions(scores, dtype=chosen.dtype) == chosen[..., None]), ruled_out


def _none_possible(scores: Array) -> Array:
    """True where all candidates are ruled out."""
    return array_namespace(scores).max(scores, axis=-1) == -inf


def _or_inf(ruled_out: Array, value: Array) -> Array:
    """Return the value; inf, without gradient, where all candidates that the loss may choose are ruled out."""
    return array_namespace(value).where(ruled_out, inf, value)


@loss(
    family="structured",
    unit="example",
    source="Taskar, Guestrin and Koller 2003, Max-margin Markov networks, NIPS 16; Tsochantaridis et al. 2005, "
    "Journal of Machine Learning Research 6, pages 1453-1484, with rescaled margin",
    equals=(
        Equal("torch", "(scores + costs).max(-1).values - torch.gather(scores, -1, labels[..., None]).squeeze(-1)"),
    ),
    convex_in=("scores", "costs"),
    invariant_in=("scores",),
)
def structured_hinge(
    scores: Logits["*batch classes"], labels: Label["*batch"], costs: Cost["*batch classes"]
) -> Real["*batch"]:
    """Structured hinge loss (structured SVM): the margin of the gold candidate grows with the cost of the others.

    l = max_k (scores[k] + costs[k]) - scores[label]. It is convex in scores and costs together. With c the cost of the
    candidate of the best score, l >= c: an upper bound of the cost of what is predicted, whatever the gold one costs.

    Shapes: `scores` [*batch classes], one for each candidate, -inf for one that is masked; `labels` integers [*batch]
    in [0, classes), the gold candidate; `costs` [*batch classes] >= 0, that of the gold one usually 0 -> example
    [*batch]. With one candidate it is its cost.
    Weights and mean: w = sample_weight * class_weight[label]; "mean" divides by the sum of weights over examples whose
    label is not `ignore_index`. Of several candidates that attain the maximum the first one has the gradient. A gold
    candidate that is ruled out has the loss inf, without gradient.
    Errors: `ContractError` for another shape; a label outside [0, classes) gives NaN, and raises under
    `checking("values")`, as does a negative cost.
    Equals: `multiclass_hinge` and optax `multiclass_hinge_loss` (unreduced) where the gold candidate costs 0 and all
    others 1; `multiclass_perceptron` where all costs are 0.

    >>> import numpy as np
    >>> scores, costs = np.asarray([[1.0, 2.5, 0.0]]), np.asarray([[0.0, 1.0, 3.0]])
    >>> float(structured_hinge(scores, np.asarray([0]), costs))
    2.5
    """
    ahead, ruled_out = _ahead(scores, labels)
    return _or_inf(ruled_out, first_largest(ahead + costs))


@loss(
    family="structured",
    unit="example",
    source="Gimpel and Smith 2010, Softmax-margin CRFs, NAACL HLT, pages 733-736, ACL N10-1112",
    equals=(
        Equal(
            "torch",
            "F.cross_entropy(scores + costs, labels, reduction='none') + costs[torch.arange(len(labels)), labels]",
            when="scores.ndim == 2",
        ),
    ),
    convex_in=("scores", "costs"),
    invariant_in=("scores",),
)
def softmax_margin(
    scores: Logits["*batch classes"], labels: Label["*batch"], costs: Cost["*batch classes"]
) -> Real["*batch"]:
    """Softmax-margin loss: cross entropy in which the cost of each candidate is added to its score.

    l = log(sum_k exp(scores[k] + costs[k])) - scores[label]. It is convex in scores and costs together, at least
    `structured_hinge` and at least `cross_entropy`: an upper bound of the cost of the candidate of the best score.

    Shapes: `scores` [*batch classes], one for each candidate, -inf for one that is masked; `labels` integers [*batch]
    in [0, classes), the gold candidate; `costs` [*batch classes] >= 0, that of the gold one usually 0 -> example
    [*batch]. With one candidate it is its cost.
    Weights and mean: as `structured_hinge`. A gold candidate that is ruled out has the loss inf, without gradient.
    Errors: as `structured_hinge`.
    Equals: torch `F.cross_entropy(scores + costs, labels)` plus the cost of the gold candidate, which cross entropy of
    the sums leaves out. Large-margin softmax is another loss: it changes an angle.

    >>> import math
    >>> import numpy as np
    >>> scores, costs = np.asarray([[math.log(5.0), 0.0]]), np.asarray([[0.0, math.log(15.0)]])
    >>> round(float(softmax_margin(scores, np.asarray([0]), costs)) / math.log(4.0), 12)
    1.0
    """
    ahead, ruled_out = _ahead(scores, labels)
    return _or_inf(ruled_out, logsumexp(ahead + costs))


@loss(
    family="structured",
    unit="example",
    source="Smith and Eisner 2006, Minimum risk annealing, COLING-ACL, pages 787-794, ACL P06-2101; Shen et al. 2016, "
    "arXiv:1512.02433",
    aliases=("expected_cost", "minimum_risk"),
    equals=(Equal("torch", "(F.softmax(scores, -1) * costs).sum(-1)"),),
    convex_in=("costs",),
    invariant_in=("scores",),
)
def risk(scores: Logits["*batch classes"], costs: Cost["*batch classes"]) -> Real["*batch"]:
    """Bayes risk: the expected cost of a candidate that is drawn by softmax(scores), for minimum risk training.

    l = sum_k softmax(scores)[k] * costs[k], between the least and the largest cost of the candidates. It is linear in
    the costs and not convex in the scores, and no upper bound of the cost of the candidate of the best score.

    Shapes: `scores` [*batch classes], one for each candidate, -inf for one that is masked; `costs` [*batch classes] >=
    0 -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights. Where all candidates are ruled out it
    is inf, without gradient. Its gradient vanishes where the model is sure, of the right or of a wrong candidate.
    Errors: `ContractError` for another shape; a negative cost raises under `checking("values")`.
    Equals: torch `(F.softmax(scores, -1) * costs).sum(-1)`. The softmax is over all candidates, never over the gold
    one.

    >>> import math
    >>> import numpy as np
    >>> float(risk(np.asarray([[math.log(3.0), 0.0, -math.inf]]), np.asarray([[0.0, 2.0, 7.0]])))
    0.5
    """
    return _or_inf(_none_possible(scores), softmax_mean(scores, costs))


@primitive(row_axes=1)
def _excess_risk(xp: Any, scores: Array, costs: Array) -> Any:
    """sum_k (p_k - 1/n) costs_k over the last axis, with p = softmax(scores) and n the number of scores above -inf.

    It is the mean of (p_k - p_j) (costs_k - costs_j) over the pairs, times n / 2: where the scores are nearly equal, so
    are the probabilities, and their differences keep their digits.
    """
    possible = scores != -inf
    p = softmax(scores)
    kept = xp.where(possible, scores, xp.max(scores, axis=-1, keepdims=True))
    gap = kept[..., :, None] - kept[..., None, :]
    higher = xp.where(gap > 0, p[..., :, None], p[..., None, :])
    fall = -expm1(-absolute(gap)) * higher
    both = possible[..., :, None] & possible[..., None, :]
    ahead = xp.where(both, xp.where(gap > 0, fall, -fall), 0.0)
    count = xp.sum(xp.where(possible, xp.ones_like(scores), 0.0), axis=-1, keepdims=True)
    excess = xp.sum(ahead, axis=-1) / count
    value = xp.sum(ahead * (costs[..., :, None] - costs[..., None, :]), axis=(-2, -1)) / (2 * count[..., 0])

    def pull_scores(g: Array) -> Array:
        mean = xp.sum(p * costs, axis=-1, keepdims=True)
        return g[..., None] * balanced(p * (costs - mean), p > 0.5)

    return value, (pull_scores, lambda g: g[..., None] * excess)


@loss(
    family="structured",
    unit="example",
    source="Prabhavalkar et al. 2018, arXiv:1712.01818, equation 3 (formula from memory; read in code of others)",
    aliases=("MWER", "minimum_word_error_rate"),
    equals=(Equal("torch", "(F.softmax(scores, -1) * (costs - costs.mean(-1, keepdim=True))).sum(-1)"),),
    invariant_in=("scores",),
)
def mwer(scores: Logits["*batch classes"], costs: Cost["*batch classes"]) -> Real["*batch"]:
    """MWER (minimum word error rate): the expected number of word errors over an n-best list, less their mean.

    l = sum_k softmax(scores)[k] * (costs[k] - m), with m the mean of the costs of the hypotheses.

    Shapes: `scores` [*batch classes], the log-probability of each hypothesis of the list, -inf where a shorter list has
    none; `costs` [*batch classes] >= 0, their numbers of word errors -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over lists. Negative where the likelier
    hypotheses have fewer errors. A hypothesis of score -inf counts neither in the softmax nor in m; without any the
    loss is inf, without gradient. The costs are constants by convention; the gradient in them is the mathematical one.
    Errors: `ContractError` for another shape; a negative cost raises under `checking("values")`.
    Equals: `risk` less the mean of the costs, with the same gradient in the scores. The paper adds 0.01 times the cross
    entropy of the reference.

    >>> import math
    >>> import numpy as np
    >>> float(mwer(np.asarray([[math.log(3.0), 0.0, -math.inf]]), np.asarray([[0.0, 2.0, 7.0]])))  # 0.5 less 1
    -0.5
    """
    none_possible = _none_possible(scores)
    safe = array_namespace(scores).where(none_possible[..., None], 0.0, scores)
    return _or_inf(none_possible, _excess_risk(safe, costs))


@loss(
    family="structured",
    unit="example",
    source="Gimpel and Smith 2012, Structured ramp loss minimization for machine translation, NAACL HLT, pages "
    "221-231, ACL N12-1023; the first variant: Do et al. 2008, NIPS 21",
    aliases=("structured_ramp",),
    equals=(
        Equal(
            "torch",
            "{1: (scores + costs).max(-1).values - scores.max(-1).values, "
            "2: scores.max(-1).values - (scores - costs).max(-1).values, "
            "3: (scores + costs).max(-1).values - (scores - costs).max(-1).values}[variant]",
        ),
    ),
    invariant_in=("scores",),
)
def ramp(
    scores: Logits["*batch classes"], costs: Cost["*batch classes"], *, variant: Literal[1, 2, 3] = 1
) -> Real["*batch"]:
    """Ramp loss: the gap between two best scores, found with costs added, left out or subtracted.

    l = fear - model in variant 1, model - hope in variant 2, fear - hope in variant 3, with
    fear = max_k (scores[k] + costs[k]), model = max_k scores[k], hope = max_k (scores[k] - costs[k]).

    None is convex in the scores. With c the cost of the candidate of the best score, 0 <= variant 2 <= c <= variant 1
    <= variant 3: the first and the third are upper bounds of the cost of what is predicted. There is no gold candidate,
    so it may be out of reach; with one of cost 0 no variant is above `structured_hinge`.

    Shapes: `scores` [*batch classes], one for each candidate, -inf for one that is masked; `costs` [*batch classes] >=
    0 -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights. Of several candidates that attain a
    maximum the first one has the gradient. Where all candidates are ruled out it is inf, without gradient.
    Errors: `ContractError` for another shape or variant; a negative cost raises under `checking("values")`.
    Equals: the differences of maxima in any library; scores of 1e4 leave no rounding in ours. The ramp loss of a
    support vector machine is a hinge with a bound, and another loss.

    >>> import numpy as np
    >>> scores, costs = np.asarray([[0.0, 0.5]]), np.asarray([[0.0, 2.0]])
    >>> [float(ramp(scores, costs, variant=variant)) for variant in (1, 2, 3)]
    [2.0, 0.5, 2.5]
    """
    behind, ruled_out = _ahead(scores, array_namespace(scores).argmax(scores, axis=-1))
    gap = 0.0
    if variant != 2:
        gap = first_largest(behind + costs)
    if variant != 1:
        gap = gap - first_largest(behind - costs)
    return _or_inf(ruled_out, gap)


@loss(
    family="structured",
    unit="example",
    source="variant 1: Gimpel and Smith 2010, Softmax-margin CRFs, NAACL HLT, pages 733-736, ACL N10-1112, their "
    "Jensen risk bound; variants 2 and 3: derived here from the ramps of Gimpel and Smith 2012, ACL N12-1023",
    aliases=("jensen_risk_bound",),
    equals=(
        Equal(
            "torch",
            "{1: torch.logsumexp(scores + costs, -1) - torch.logsumexp(scores, -1), "
            "2: torch.logsumexp(scores, -1) - torch.logsumexp(scores - costs, -1), "
            "3: torch.logsumexp(scores + costs, -1) - torch.logsumexp(scores - costs, -1)}[variant]",
        ),
    ),
    invariant_in=("scores",),
)
def soft_ramp(
    scores: Logits["*batch classes"], costs: Cost["*batch classes"], *, variant: Literal[1, 2, 3] = 1
) -> Real["*batch"]:
    """Soft ramp loss: `ramp` with log-sum-exp in place of each maximum.

    l = fear - model in variant 1, model - hope in variant 2, fear - hope in variant 3, with
    fear = log(sum_k exp(scores[k] + costs[k])), model = log(sum_k exp(scores[k])), hope = log(sum_k exp(scores[k] -
    costs[k])). With p = softmax(scores) variant 1 is log(sum_k p[k] exp(costs[k])), and variant 2 is
    -log(sum_k p[k] exp(-costs[k])).

    None is convex in the scores; in the costs variant 1 is convex and variant 2 concave. By Jensen's inequality
    variant 2 <= `risk` <= variant 1, both are between the least and the largest cost of the candidates, and near to
    the risk where costs are small; variant 3 is their sum. The first is an upper bound of the expected cost; none is
    one of the cost of the candidate of the best score.

    Shapes: `scores` [*batch classes], one for each candidate, -inf for one that is masked; `costs` [*batch classes] >=
    0 -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights. Where all candidates are ruled out it
    is inf, without gradient.
    Errors: `ContractError` for another shape or variant; a negative cost raises under `checking("values")`.
    Equals: a difference of two torch `torch.logsumexp`, which has no digits where the costs are small. What is called
    soft ramp loss elsewhere is variant 1 where its formula is written. The paper of the ramps has maxima only: sums in
    their place, variants 2 and 3, are derived here.

    >>> import math
    >>> import numpy as np
    >>> scores, costs = np.asarray([[0.0, 0.0]]), np.asarray([[0.0, math.log(2.0)]])
    >>> [round(math.exp(float(soft_ramp(scores, costs, variant=variant))), 12) for variant in (1, 2, 3)]
    [1.5, 1.333333333333, 2.0]
    """
    form = {1: log_mean_exp, 2: negative_log_mean_exp, 3: log_ratio_of_sums}[variant]
    return _or_inf(_none_possible(scores), form(scores, costs))


@loss(
    family="structured",
    unit="example",
    source="Flanigan, Dyer, Smith and Carbonell 2016, CMU at SemEval-2016 task 8, ACL S16-1186",
    equals=(
        Equal(
            "torch",
            "(scores + costs).max(-1).values - "
            "scores.masked_fill(costs > costs.min(-1, keepdim=True).values, -torch.inf).max(-1).values",
        ),
    ),
    invariant_in=("scores",),
)
def infinite_ramp(scores: Logits["*batch classes"], costs: Cost["*batch classes"]) -> Real["*batch"]:
    """Ramp loss without a gold label: the best-scoring of the cheapest candidates takes its place.

    l = max_k (scores[k] + costs[k]) - max_{k: costs[k] = m} scores[k], with m the least cost of the candidates that are
    not ruled out. It is the limit of max_k (scores[k] + costs[k]) - max_k (scores[k] - a costs[k]) - a m for large a.
    An upper bound of the cost of the candidate of the best score. Where one candidate is cheaper than all others it is
    `structured_hinge` with that one as label, and convex in the scores; where several are, it is not.

    Shapes: `scores` [*batch classes], one for each candidate, -inf for one that is masked; `costs` [*batch classes] >=
    0 -> example [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights. Of several candidates that attain a
    maximum the first one has the gradient. Where all candidates are ruled out it is inf, without gradient.
    Errors: `ContractError` for another shape; a negative cost raises under `checking("values")`.
    Equals: in torch the difference of a maximum and of one over `scores.masked_fill` of the dearer candidates.

    >>> import numpy as np
    >>> scores, costs = np.asarray([[1.0, 2.5, 2.0]]), np.asarray([[0.0, 1.0, 0.0]])
    >>> float(infinite_ramp(scores, costs))
    1.5
    """
    xp = array_namespace(scores)
    possible = scores != -inf
    least = xp.min(xp.where(possible, costs, inf), axis=-1, keepdims=True)
    hope = xp.argmax(xp.where(costs == least, scores, -inf), axis=-1)
    ahead, ruled_out = _ahead(scores, hope)
    return _or_inf(ruled_out, first_largest(ahead + costs))
