"""Definitions of the losses of the overlap of regions with the skeletons of each other."""

from collections.abc import Iterator
from typing import Any

from mpmath import fsum

from lossspec.definitions.common import constant
from lossspec.definitions.image.structure import pixel, places, sides

Region = dict[tuple[int, ...], Any]


def cross(place: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for axis in range(len(place)):
        for step in (-1, 0, 1):
            yield (*place[:axis], place[axis] + step, *place[axis + 1 :])


def block(place: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for step in places([3] * len(place)):
        yield tuple(a + b - 1 for a, b in zip(place, reversed(step), strict=True))


def least(region: Region, near: Iterator[tuple[int, ...]]) -> Any:
    there = [place for place in near if place in region]
    return region[constant(min(there, key=lambda place: region[place]))]  # the first has the derivative


def skeleton(region: Region, iterations: int) -> Region:
    found: Region = dict.fromkeys(region, 0)
    for _ in range(iterations + 1):
        eroded = {place: least(region, cross(place)) for place in region}
        lowered = {place: -x for place, x in eroded.items()}
        for place, x in region.items():
            gone = x + least(lowered, block(place))
            if constant(gone > 0):
                found[place] += gone * (1 - found[place])
        region = eroded
    return found


def soft_cldice(probabilities: Any, targets: Any, iterations: Any, smooth: Any, entries: Any = None) -> Any:
    counted = [place for place in places(sides(probabilities)) if entries is None or pixel(entries, place)]
    regions = [{place: pixel(image, place) for place in counted} for image in (probabilities, targets)]
    shares = []
    for x, y in (regions, regions[::-1]):
        line = skeleton(x, int(iterations))
        length = fsum(line.values()) + smooth
        shares.append((fsum(line[place] * y[place] for place in counted) + smooth) / length if length else 1 + length)
    both = shares[0] + shares[1]
    return 1 - 2 * shares[0] * shares[1] / both if both else 1 + both
