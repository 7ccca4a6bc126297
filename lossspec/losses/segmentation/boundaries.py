"""The loss of the distance from the boundary of a region."""

from lossspec.declaration import loss
from lossspec.losses.segmentation._regions import PIXELS, mean_over_pixels
from lossspec.terms import Array, Probability, Real

__all__ = [
    "boundary",
]


@loss(
    family="segmentation",
    unit="region",
    source="Kervadec et al. 2019, arXiv:1812.07032",
    sizes={"batch": 3, "channels": 2},
    entries=PIXELS,
)
def boundary(
    probabilities: Probability["batch channels *space"],
    distances: Real["batch channels *space"],
    *,
    entries: Array = None,
) -> Real["batch channels"]:
    """Boundary loss: the mean over space of probability times signed distance from the true boundary.

    l = mean over space of probabilities * distances, where `distances` are those of each pixel from the boundary of the
    true region, negative inside. It is linear in the probabilities, and negative where they lie inside.

    Shapes: `probabilities` [batch channels *space] in [0, 1]; `distances` [batch channels *space], any real numbers
    -> region [batch channels].
    Distances: of a mask with pixels in and outside the region, and `edt` = SciPy's `distance_transform_edt`, they are
    `edt(~mask) * ~mask - (edt(mask) - 1) * mask`, so that the pixels at the boundary inside have 0. A mask that is
    empty or full has no boundary, and `edt` measures to a pixel that is not there: its distances are
    `zeros(mask.shape)`.
    Weights and mean: one weight a region. `where_entries` leaves pixels out of the mean, as in `dice`. A region without
    pixels that count is 0.
    Errors: `ContractError` for another shape, `DTypeError` for integers.
    Equals: MONAI `BoundaryLoss`, which takes masks and makes these distances.

    >>> import numpy as np
    >>> p, d = np.asarray([[[1.0, 0.5, 0.0, 0.0]]]), np.asarray([[[-2.0, -1.0, 1.0, 2.0]]])
    >>> float(boundary(p, d))
    -0.625
    """
    return mean_over_pixels(probabilities * distances, entries)
