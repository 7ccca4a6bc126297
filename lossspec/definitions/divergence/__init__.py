"""Definitions of the losses of `lossspec.losses.divergence`, file by file."""
