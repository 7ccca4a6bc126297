"""Definitions of the distillation losses."""

from typing import Any

from mpmath import fsum, inf, mpf

from lossspec.definitions.common import cosine, divergence, flat, mixture_divergence, softmax


def _soft(logits: Any, temperature: Any) -> Any:
    return softmax([z / temperature for z in logits])


def distillation(
    student_logits: Any, teacher_logits: Any, temperature: Any, squared_temperature: Any, direction: Any
) -> Any:
    student, teacher = _soft(student_logits, temperature), _soft(teacher_logits, temperature)
    value = divergence(teacher, student) if direction == "forward" else divergence(student, teacher)
    return temperature**2 * value if squared_temperature else value


def generalized_jsd(student_logits: Any, teacher_logits: Any, beta: Any, temperature: Any) -> Any:
    return mixture_divergence(_soft(teacher_logits, temperature), _soft(student_logits, temperature), beta)


def decoupled_distillation(
    student_logits: Any, teacher_logits: Any, labels: Any, alpha: Any, beta: Any, temperature: Any
) -> Any:
    if labels not in range(len(student_logits)):
        return None
    q, p = _soft(student_logits, temperature), _soft(teacher_logits, temperature)

    def kinds(row: Any) -> Any:
        return [row[labels], fsum(x for c, x in enumerate(row) if c != labels)]

    def rest(row: Any) -> Any:
        others = [x for c, x in enumerate(row) if c != labels]
        total = fsum(others)
        return [x / total for x in others] if total else others

    of_rest = 0
    if fsum(rest(p)):
        of_rest = divergence(rest(p), rest(q)) if fsum(rest(q)) else inf
    return temperature**2 * (alpha * divergence(kinds(p), kinds(q)) + beta * of_rest)


def margin_mse(student_positives: Any, student_negatives: Any, teacher_positives: Any, teacher_negatives: Any) -> Any:
    return (student_positives - student_negatives - teacher_positives + teacher_negatives) ** 2


def huber(difference: Any) -> Any:
    return difference**2 / 2 if abs(difference) < 1 else abs(difference) - mpf(1) / 2


def relational_angle(student_embeddings: Any, teacher_embeddings: Any) -> Any:
    def relations(x: Any, at: Any) -> Any:
        return [[cosine(gaps(a, at), gaps(b, at)) for b in x] for a in x]

    def gaps(a: Any, b: Any) -> Any:
        return [i - j for i, j in zip(a, b, strict=True)]

    losses = []
    for own, other in zip(student_embeddings, teacher_embeddings, strict=True):
        pairs = zip(flat(relations(student_embeddings, own)), flat(relations(teacher_embeddings, other)), strict=True)
        losses.append(fsum(huber(s - t) for s, t in pairs) / len(student_embeddings) ** 2)
    return losses
