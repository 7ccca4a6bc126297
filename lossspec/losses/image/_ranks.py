"""The number of axes that images have."""

from lossspec.declaration import require
from lossspec.terms import Array


def planar(name: str, images: Array) -> None:
    """Refuse images with fewer than two axes of space: an image without a batch would be taken for many signals."""
    require(
        len(images.shape) > 3,
        f"{name}: `predictions` has shape {{}}, declared [batch channels *space] with two axes of space or more. Fix: "
        "pass [batch channels height width], for one image with a batch of 1.",
        tuple(images.shape),
    )
