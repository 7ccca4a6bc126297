"""The passes over rows that array operations take in many, by the names under which backends know them."""

from lossspec.kernels.blocks import shares, sums_of_others
from lossspec.kernels.scatter import scattered, scattered_log_softmax, taken, taken_log_softmax

__all__ = ["scattered", "scattered_log_softmax", "shares", "sums_of_others", "taken", "taken_log_softmax"]
