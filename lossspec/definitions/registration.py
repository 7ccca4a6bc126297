"""Definitions of the losses of the registration of images."""

from itertools import product
from typing import Any

from mpmath import exp, fprod, fsum, log, mpf

from lossspec.definitions.common import constant, flat
from lossspec.definitions.image.structure import pixel, places, sides


def bending_energy(displacements: Any) -> Any:
    def at(field: Any, place: Any) -> Any:
        for index in place:
            field = field[index]
        return field

    def sizes(field: Any) -> list[int]:
        return [len(field), *sizes(field[0])] if isinstance(field, list) else []

    terms = []
    for field in displacements:
        shape = sizes(field)
        for place in product(*(range(1, size - 1) for size in shape)):

            def near(*steps: tuple[int, int], field: Any = field, place: Any = place) -> Any:
                return at(field, [x + sum(step for axis, step in steps if axis == k) for k, x in enumerate(place)])

            total = []
            for a in range(len(shape)):
                total.append((near((a, 1)) - 2 * near() + near((a, -1))) ** 2)
                for b in range(a + 1, len(shape)):
                    corners = [s * t * near((a, s), (b, t)) for s in (1, -1) for t in (1, -1)]
                    total.append(2 * (fsum(corners) / 4) ** 2)
            terms.append(fsum(total))
    return fsum(terms) / len(terms)


def local_normalized_cross_correlation(
    predictions: Any, targets: Any, window: Any, variance_floor: Any, kernel: Any, padding: Any
) -> Any:
    zero = variance_floor - variance_floor
    before = (window - 1) // 2 if padding == "zeros" else 0

    def weight(step: int) -> Any:
        t = abs((zero + window - 1) / 2 - step)
        if kernel == "gaussian":
            return exp(-(t**2) / (2 * ((zero + window) / 3) ** 2))
        return 1 - 2 * t / (window + 1) if kernel == "triangular" else 1 + zero

    along = [weight(step) for step in range(window)]
    total = fsum(along)
    along = [factor / total for factor in along]
    losses = []
    for x, y in zip(predictions, targets, strict=True):
        size = sides(x)
        pixels = [(place, pixel(x, place), pixel(y, place)) for place in places(size)]
        products = [(place, (a, b, a * a, b * b, a * b)) for place, a, b in pixels]
        for corner in places(size if padding == "zeros" else [side - window + 1 for side in size]):
            inside = []
            for place, values in products:
                steps = [k - c + before for k, c in zip(place, corner, strict=True)]
                if all(0 <= step < window for step in steps):
                    inside.append((fprod(along[step] for step in steps), values))
            mx, my, mxx, myy, mxy = (fsum(w * values[k] for w, values in inside) for k in range(5))
            sizes = max(mxx - mx * mx, variance_floor) * max(myy - my * my, variance_floor)
            losses.append(1 - (mxy - mx * my) ** 2 / sizes if sizes else 1 + zero)
    return fsum(losses) / len(losses)


def mutual_information(predictions: Any, targets: Any, bins: Any, width: Any, kernel: Any) -> Any:
    def places(image: Any) -> Any:
        return [min(max(x, mpf(0)), mpf(1)) * (bins - 1) for x in flat(image)]

    def gaussian(place: Any) -> Any:
        weights = [exp(-((place - k) ** 2) / (2 * width**2)) for k in range(bins)]
        total = sum(weights)
        return [weight / total for weight in weights]

    def cubic(place: Any) -> Any:
        apart = [abs(place - k) for k in range(-1, bins + 1)]
        return [(4 - 6 * t**2 + 3 * t**3) / 6 if t < 1 else max(2 - t, mpf(0)) ** 3 / 6 for t in apart]

    def box(place: Any) -> Any:
        place = constant(place)
        half = mpf(1) / 2
        return [half if abs(place - k) == half else mpf(abs(place - k) < half) for k in range(bins)]

    window, other = (gaussian, gaussian) if kernel == "gaussian" else (cubic, box)
    first, second = [window(x) for x in places(predictions)], [other(x) for x in places(targets)]
    if not first:
        return mpf(0)
    a, b = ([sum(column) / len(first) for column in zip(*shares, strict=True)] for shares in (first, second))
    total = mpf(0)
    for i in range(len(a)):
        for j in range(len(b)):
            joint = sum(u[i] * v[j] for u, v in zip(first, second, strict=True)) / len(first)
            total += joint * log(joint / (a[i] * b[j])) if joint else 0
    return -total
