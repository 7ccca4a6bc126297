"""Losses of the distance from the boundary of a region."""

from lossspec.declaration import loss
from lossspec.losses.segmentation._regions import PIXELS, mean_over_pixels, space_axes
from lossspec.numerics import array_namespace, per_row
from lossspec.terms import Array, AtLeastOne, NonNegative, Probability, Real

__all__ = [
    "boundary",
    "hausdorff_distance_transform",
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


@loss(
    family="segmentation",
    unit="region",
    source="Karimi and Salcudean 2019, arXiv:1904.10030, equation 8 (read in the code of MONAI, not in the paper)",
    aliases=("HausdorffDT", "hausdorff_dt"),
    also={
        "monai:HausdorffDTLoss": (
            "it makes the distances itself. Fix: pass those of `probabilities > 0.5` and of the targets, on either "
            "side of the boundary, to hausdorff_distance_transform"
        ),
    },
    perfect={"probabilities": "targets"},
    sizes={"batch": 2, "channels": 2, "space": 2},
    entries=PIXELS,
)
def hausdorff_distance_transform(
    probabilities: Probability["batch channels *space"],
    targets: Probability["batch channels *space"],
    predicted_distances: NonNegative["batch channels *space"],
    true_distances: NonNegative["batch channels *space"],
    *,
    alpha: AtLeastOne["#batch #channels"] = 2.0,
    entries: Array = None,
) -> Real["batch channels"]:
    """Hausdorff loss by distance transforms: squared errors, which count more far from the boundaries of both regions.

    l = mean over space of (probabilities - targets)^2 (predicted_distances^alpha + true_distances^alpha).

    Shapes: `probabilities` and `targets` [batch channels *space] in [0, 1]; `predicted_distances` and `true_distances`
    [batch channels *space] >= 0; `alpha` >= 1 -> region [batch channels].
    Distances: those of each pixel from the boundary of the predicted and of the true region, on both sides of it: with
    `edt` = SciPy's `distance_transform_edt` and a mask, `edt(mask) + edt(~mask)`; of a mask that is empty or full,
    zeros. They are constants by convention, for they have no derivative in the probabilities; the gradient in them is
    the mathematical one.
    Weights and mean: one weight a region. `where_entries` leaves pixels out of the mean, as in `dice`. A region without
    pixels that count is 0.
    Errors: `ContractError` for another shape or alpha < 1, `DTypeError` for integers; negative distances raise under
    `checking("values")`.
    Equals: MONAI `HausdorffDTLoss`, which makes these distances, in float32.

    >>> import numpy as np
    >>> p, t, d = (np.asarray([[x]]) for x in ([0.5, 1.0], [1.0, 1.0], [2.0, 1.0]))
    >>> float(hausdorff_distance_transform(p, t, d, d))  # 1 / 4 * 2 * 2^2 / 2
    1.0
    """
    xp = array_namespace(probabilities)
    power = per_row(alpha, len(space_axes(probabilities)))

    def powers(distances: Array) -> Array:
        zero = distances == 0
        return xp.where(zero, 0.0, xp.where(zero, 1.0, distances) ** power)

    weights = powers(predicted_distances) + powers(true_distances)
    return mean_over_pixels((probabilities - targets) ** 2 * weights, entries)
