"""Losses of landmarks and keypoints, from their coordinates or from heatmaps of them."""

from lossspec.declaration import Equal, loss
from lossspec.numerics import absolute, array_namespace, expm1, sigmoid, softplus, zero_where
from lossspec.terms import AtLeastTwo, Indicator, Positive, PositiveAmount, Probability, Real

__all__ = ["adaptive_wing", "object_keypoint_similarity", "wing"]


@loss(
    family="detection",
    unit="element",
    source="Feng, Kittler, Awais, Huber and Wu 2018, arXiv:1711.06753 (read in code of others, not in the paper)",
    also={"segmentation-models-pytorch:wing_loss": {"width": 5.0, "curvature": 0.5}},
    perfect={"predictions": "targets"},
    equals=(
        Equal(
            "torch",
            "(lambda e: torch.where(e < width, width * torch.log1p(e / curvature), "
            "e - width + width * torch.log1p(torch.as_tensor(width / curvature, dtype=e.dtype))))"
            "(torch.abs(predictions - targets))",
        ),
    ),
)
def wing(
    predictions: Real["*batch"],
    targets: Real["*batch"],
    *,
    width: Positive["#*batch"] = 10.0,
    curvature: Positive["#*batch"] = 2.0,
) -> Real["*batch"]:
    """Wing loss of coordinates of landmarks: logarithmic near zero, where it weighs small errors up, linear beyond.

    l = width * log(1 + e / curvature) where e < width, e - width + width * log(1 + width / curvature) elsewhere, with
    e = |predictions - targets|.

    Shapes: `predictions` and `targets` [*batch], any real numbers, of the unit in which `width` is given, pixels in the
    paper; `width` > 0, its w; `curvature` > 0, its epsilon -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over coordinates. Not convex. The
    derivative at e = 0 is declared 0, at e = width it is that beyond.
    Errors: `ContractError` for another shape or a parameter that is not above 0, `DTypeError` for integers.
    Equals: segmentation-models-pytorch `wing_loss`, whose defaults are width 5 and curvature 0.5.

    >>> import numpy as np
    >>> a, b = np.asarray([2.0, 11.0]), np.zeros(2)
    >>> wing.per_example(a, b).round(6).tolist()  # 10 log 2 and 1 + 10 log 6
    [6.931472, 18.917595]
    """
    error = absolute(predictions - targets)
    xp = array_namespace(error)
    far = error >= width
    edge = xp.where(far, 0.0 * error + width, error)
    return width * xp.log1p(edge / curvature) + xp.where(far, error - width, 0.0)


@loss(
    family="detection",
    unit="element",
    source="Wang, Bo and Fuxin 2019, arXiv:1904.07399 (read in the code of MMPose, not in the paper)",
    aliases=("AWing", "awing", "mmpose:AdaptiveWingLoss"),
    perfect={"predictions": "targets"},
    equals=(
        Equal(
            "torch",
            "(lambda e, p: (lambda q: torch.where(e < theta, omega * torch.log1p((e / epsilon) ** p), "
            "omega * p * q / (1 + q) / theta * (e - theta) + omega * torch.log1p(q)))"
            "(torch.as_tensor(theta / epsilon, dtype=e.dtype) ** p))"
            "(torch.abs(predictions - targets), alpha - targets)",
        ),
    ),
)
def adaptive_wing(
    predictions: Real["*batch"],
    targets: Probability["*batch"],
    *,
    omega: Positive["#*batch"] = 14.0,
    theta: Positive["#*batch"] = 0.5,
    epsilon: Positive["#*batch"] = 1.0,
    alpha: AtLeastTwo["#*batch"] = 2.1,
) -> Real["*batch"]:
    """Adaptive wing loss of heatmaps of landmarks: a wing loss on bright pixels, nearly a squared error on dark ones.

    l = omega * log(1 + (e / epsilon)^p) where e < theta, A * (e - theta) + omega * log(1 + q) elsewhere, with
    e = |predictions - targets|, p = alpha - targets, q = (theta / epsilon)^p and A = omega * p / theta * q / (1 + q),
    the slope that both sides have at e = theta.

    Shapes: `predictions` [*batch], any real numbers; `targets` [*batch] in [0, 1], the pixels of a heatmap; `omega`,
    `theta` and `epsilon` > 0; `alpha` >= 2 -> element [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over pixels. The paper weighs pixels
    near a landmark by 11: that is `sample_weight`. The derivative at e = 0 is declared 0. Targets are constants by
    convention; the gradient in them is the mathematical one.
    Errors: `ContractError` for another shape or a parameter outside its domain, `DTypeError` for integers.
    Equals: MMPose `AdaptiveWingLoss`, whose mean is over all pixels.

    >>> import numpy as np
    >>> a, b = np.asarray([1.5, 0.25]), np.asarray([1.0, 0.0])
    >>> adaptive_wing.per_example(a, b, alpha=2.0, omega=1.0).round(6).tolist()  # log(1 + 1 / 2) and log(1 + 1 / 16)
    [0.405465, 0.060625]
    """
    error, power = absolute(predictions - targets), alpha - targets
    xp = array_namespace(error)
    far, none = error >= theta, error == 0
    near = xp.where(none, 0.0, xp.where(far | none, 1.0, error / epsilon) ** power)
    steep, above = xp.where(far, power, 2.0), xp.where(far, error - theta, 0.0)
    exponent = steep * xp.log(0.0 * error + theta / epsilon)
    beyond = omega * steep / theta * sigmoid(exponent) * above
    return xp.where(far, beyond + omega * softplus(exponent), omega * xp.log1p(near))


_COCO = tuple(x / 1000 for x in (26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89))


@loss(
    family="detection",
    unit="example",
    source="Maji, Nagori, Mathew and Poddar 2022, arXiv:2204.06806, equation 4 (from memory, not read); the "
    "similarity: COCO keypoint evaluation, pycocotools",
    aliases=("OKS", "oks"),
    unread={
        "predictions": "those of keypoints that are not visible",
        "targets": "those of keypoints that are not visible",
    },
    perfect={"predictions": "targets"},
    sizes={"batch": 2, "keypoints": 3, "sigmas": (0.025, 0.1, 1.0)},
)
def object_keypoint_similarity(
    predictions: Real["*batch keypoints 2"],
    targets: Real["*batch keypoints 2"],
    visible: Indicator["*batch keypoints"],
    areas: PositiveAmount["*batch"],
    *,
    sigmas: Positive["keypoints"] = _COCO,
) -> Real["*batch"]:
    """OKS loss: one minus the object keypoint similarity, a mean of Gaussians of the distances of keypoints.

    l = sum_k visible[k] (1 - exp(-d_k^2 / (2 * areas * (2 * sigmas[k])^2))) / sum_k visible[k], with d_k the distance
    of the predicted keypoint from the true one.

    Shapes: `predictions` and `targets` [*batch keypoints 2], coordinates; `visible` [*batch keypoints], 1 for a
    keypoint that is labelled (v > 0 in COCO), else 0, integers or floats; `areas` [*batch] > 0 of the objects, in
    squares of their unit; `sigmas` [keypoints] > 0, how far different people place a keypoint apart: those of the 17
    keypoints of COCO, unless given -> example [*batch], in [0, 1].
    Weights and mean: the common contract, one weight an object. An object without visible keypoints is 0. Coordinates
    of a keypoint that is not visible may be NaN. Keypoints that are far off have hardly a gradient.
    Errors: `ContractError` for another shape or for sigmas of another number of keypoints, `DTypeError` for integer
    coordinates; an object with a `visible` other than 0 and 1 is NaN.
    Equals: one minus the similarity of pycocotools, which adds 2e-16 to the area. Code of YOLO-pose that divides by
    sigmas^2 has left out that the variances of COCO are (2 * sigmas)^2: that is this loss at half the sigmas.

    >>> import numpy as np
    >>> a, b = np.asarray([[[3.0, 4.0], [1.0, 1.0]]]), np.zeros((1, 2, 2))
    >>> loss = object_keypoint_similarity(a, b, np.asarray([[1, 0]]), np.asarray([12.5]), sigmas=(0.5, 0.5))
    >>> round(float(loss), 6)  # 1 - 1 / e
    0.632121
    """
    xp, seen = array_namespace(predictions), visible == 1
    widths = xp.reshape(2 * sigmas, (*(1,) * (len(predictions.shape) - 2), -1, 1)) * xp.sqrt(areas)[..., None, None]
    apart = zero_where(predictions - targets, ~seen[..., None])
    far = absolute(apart) > 40 * widths  # whose similarity is 0, and whose square may overflow
    shift = xp.where(far, 40.0, xp.where(far, 0.0, apart) / widths)
    lost = -expm1(-0.5 * xp.sum(shift**2, axis=-1))
    count = xp.astype(xp.count_nonzero(seen, axis=-1), lost.dtype)
    return xp.sum(lost, axis=-1) / xp.where(count == 0, 1.0, count)
