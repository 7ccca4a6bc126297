"""Definitions of the losses of the registration of images."""

from itertools import product
from typing import Any

from mpmath import fsum


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
