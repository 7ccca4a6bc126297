"""Definitions of the losses of distances within and between groups."""

from typing import Any

from mpmath import exp, fsum, log

from lossspec.definitions.common import distance


def margin_based(first: Any, second: Any, labels: Any, margin: Any, boundary: Any) -> Any:
    return max(0, margin + labels * (distance(first, second) - boundary))


def sides(labels: Any, i: Any) -> Any:
    """The others of the label of i, and those of other labels."""
    others = [j for j in range(len(labels)) if j != i]
    return [j for j in others if labels[j] == labels[i]], [j for j in others if labels[j] != labels[i]]


def mean(each: Any) -> Any:
    return fsum(each) / len(each) if each else 0


def lifted_structure(embeddings: Any, labels: Any, margin: Any, generalized: Any) -> Any:
    apart = [[distance(x, y) for y in embeddings] for x in embeddings]

    def rivals(i: Any) -> Any:
        return fsum(exp(margin - apart[i][n]) for n in sides(labels, i)[1])

    losses = []
    for i in range(len(embeddings)):
        positive, negative = sides(labels, i)
        if not positive or not negative:
            losses.append(0)
        elif generalized:
            losses.append(max(0, log(fsum(exp(apart[i][p]) for p in positive)) + log(rivals(i))))
        else:
            losses.append(mean([max(0, apart[i][p] + log(rivals(i) + rivals(p))) ** 2 / 2 for p in positive]))
    return losses


def semi_hard_triplet(embeddings: Any, labels: Any, margin: Any) -> Any:
    losses = []
    for i, x in enumerate(embeddings):
        apart = [fsum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in embeddings]
        positive, negative = sides(labels, i)
        each = []
        for p in positive if negative else []:
            outside = [apart[n] for n in negative if apart[n] > apart[p]]
            rival = min(outside) if outside else max(apart[n] for n in negative)
            each.append(max(0, apart[p] - rival + margin))
        losses.append(mean(each))
    return losses
