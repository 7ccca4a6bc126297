"""Definitions of the distillation losses."""

from typing import Any

from lossspec.definitions.common import divergence, mixture_divergence, softmax


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
