"""Definitions of the losses of labels under the logits of classes whose numbers of examples differ widely."""

from typing import Any

from mpmath import exp, fsum, log, mpf

from lossspec.definitions.common import constant, mixture, softmax


def logit_adjusted(logits: Any, labels: Any, prior: Any, tau: Any) -> Any:
    p = softmax([z + tau * log(n) for z, n in zip(logits, prior or [1] * len(logits), strict=True)])
    return mixture(labels, lambda c: -log(p[c]))


def ldam(logits: Any, labels: Any, class_counts: Any, max_margin: Any, scale: Any) -> Any:
    margins = [1 / mpf(n) ** (mpf(1) / 4) for n in class_counts or [1] * len(logits)]
    margin = max_margin * margins[labels] / max(margins)
    return -log(softmax([scale * (z - margin * (c == labels)) for c, z in enumerate(logits)])[labels])


def seesaw(logits: Any, labels: Any, class_counts: Any, p: Any, q: Any) -> Any:
    own, counts = logits[labels], class_counts or [1] * len(logits)

    def weight(c: int) -> Any:
        ratio = mpf(counts[c]) / counts[labels]
        return min(mpf(1), ratio) ** p * constant(max(mpf(1), exp(logits[c] - own))) ** q

    return log(1 + fsum(weight(c) * exp(z - own) for c, z in enumerate(logits) if c != labels))
