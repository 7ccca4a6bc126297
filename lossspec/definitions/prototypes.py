"""Definitions of the losses whose targets are the prototypes that another view is assigned to."""

from typing import Any

from mpmath import exp, fsum, inf, log

from lossspec.definitions.common import constant, softmax


def cross_entropy(p: Any, q: Any) -> Any:
    if any(b == 0 != a for a, b in zip(p, q, strict=True)):
        return inf
    return -fsum(a * log(b) for a, b in zip(p, q, strict=True) if a != 0)


def ibot_patch(
    student_logits: Any,
    teacher_logits: Any,
    masked: Any,
    center: Any,
    student_temperature: Any,
    teacher_temperature: Any,
) -> Any:
    def each(student: Any, teacher: Any) -> Any:
        shift = center or [0] * len(teacher)
        p = softmax([(z - c) / teacher_temperature for z, c in zip(teacher, shift, strict=True)])
        return cross_entropy(p, softmax([z / student_temperature for z in student]))

    patches = zip(student_logits, teacher_logits, masked, strict=True)
    losses = [each(student, teacher) for student, teacher, hidden in patches if hidden == 1]
    return fsum(losses) / max(len(losses), 1)


def swav(first_scores: Any, second_scores: Any, temperature: Any, epsilon: Any, iterations: Any) -> Any:
    def codes(scores: Any) -> Any:
        plan = [[exp(constant(s) / epsilon) for s in row] for row in scores]
        for _ in range(iterations):
            totals = [fsum(column) for column in zip(*plan, strict=True)]
            plan = [[x / total for x, total in zip(row, totals, strict=True)] for row in plan]
            plan = [[x / fsum(row) for x in row] for row in plan]
        return [[x / fsum(row) for x in row] for row in plan]

    def predicted(scores: Any) -> Any:
        return [softmax([s / temperature for s in row]) for row in scores]

    views = zip(
        codes(first_scores), codes(second_scores), predicted(first_scores), predicted(second_scores), strict=True
    )
    return [(cross_entropy(d, p) + cross_entropy(c, q)) / 2 for c, d, p, q in views]
