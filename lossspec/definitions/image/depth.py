"""Definitions of the losses of maps of depth or disparity."""

from typing import Any

from mpmath import exp, fsum, log

from lossspec.definitions.common import flat


def silog(predictions: Any, targets: Any, variance_focus: Any) -> Any:
    d = [log(p) - log(t) for p, t in zip(flat(predictions), flat(targets), strict=True)]
    n = max(len(d), 1)
    return fsum(x**2 for x in d) / n - variance_focus * fsum(d) ** 2 / n**2


def edge_aware_smoothness(disparities: Any, images: Any) -> Any:
    height, width = len(disparities), len(disparities[0]) if disparities else 0

    def mean_of_steps(down: int, right: int) -> Any:
        steps = []
        for i in range(height - down):
            for j in range(width - right):
                edges = [abs(image[i + down][j + right] - image[i][j]) for image in images]
                step = abs(disparities[i + down][j + right] - disparities[i][j])
                steps.append(step * exp(-fsum(edges) / len(edges)))
        return fsum(steps) / max(len(steps), 1)

    return mean_of_steps(0, 1) + mean_of_steps(1, 0)
