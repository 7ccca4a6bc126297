"""Losses of the registration of images: penalties on fields of displacements."""

from lossspec.declaration import Equal, loss, require
from lossspec.numerics import array_namespace
from lossspec.terms import Array, Real

__all__ = ["bending_energy"]


@loss(
    family="registration",
    unit="example",
    source="Rueckert et al. 1999, doi:10.1109/42.796284 (read in the code of MONAI, not in the paper)",
    sizes={"batch": 2, "dim": 2, "space": (3, 4)},
    equals=(
        Equal(
            "monai",
            "monai.BendingEnergyLoss(reduction='none')(displacements).flatten(1).mean(1)",
            when="displacements.size > 0 and displacements.shape[1] == displacements.ndim - 2",
        ),
    ),
)
def bending_energy(displacements: Real["batch dim *space"]) -> Real["batch"]:
    """Bending energy of a field of displacements: the mean of its squared second derivatives, 0 if it is affine.

    l = mean over components and pixels of sum_a (D_a D_a u)^2 + 2 sum_{a < b} (D_a D_b u)^2, with u a component of
    `displacements`, D_a D_a u its second difference u_{+1} - 2 u + u_{-1} along axis a of space and D_a D_b u its mixed
    one (u_{+1, +1} - u_{+1, -1} - u_{-1, +1} + u_{-1, -1}) / 4, at the pixels that have neighbours on all sides.

    Shapes: `displacements` [batch dim *space], one component for each axis of space, with at least 3 pixels along each,
    in the unit of a pixel, or a list of such arrays -> example [batch].
    Weights and mean: the common contract, one weight an example. Convex. No pixel can be left out: differences are not
    defined without it.
    Errors: `ContractError` for another shape or an axis of space with fewer than 3 pixels, `DTypeError` for integers.
    Equals: MONAI `BendingEnergyLoss` without `normalize`. Its versions before 1.6 took differences over two pixels, as
    DeepReg does, at the pixels that are two away from the edge.

    >>> import numpy as np
    >>> u = np.zeros((1, 2, 3, 3))
    >>> u[0, 0, 1, 1] = 1.0
    >>> float(bending_energy(u))  # (2^2 + 2^2 + 0) / 2
    4.0
    """
    xp, axes = array_namespace(displacements), range(2, len(displacements.shape))
    shape = tuple(displacements.shape[2:])
    require(
        bool(shape) and min(shape) > 2,
        "bending_energy: the space of `displacements` is {}: second differences take 3 pixels along each of its axes.",
        shape,
    )

    def moved(steps: dict[int, int]) -> Array:
        """The inner pixels of the field, each moved by a step along some axes."""
        ends = (steps.get(axis, 0) for axis in axes)
        return displacements[(..., *(slice(1 + step, size - 1 + step) for step, size in zip(ends, shape, strict=True)))]

    middle, energy = moved({}), None
    for a in axes:
        own = (moved({a: 1}) - middle) - (middle - moved({a: -1}))
        energy = own**2 if energy is None else energy + own**2
        for b in range(a + 1, len(displacements.shape)):
            mixed = (moved({a: 1, b: 1}) - moved({a: 1, b: -1})) - (moved({a: -1, b: 1}) - moved({a: -1, b: -1}))
            energy = energy + mixed**2 / 8
    return xp.mean(energy, axis=tuple(range(1, len(displacements.shape))))
