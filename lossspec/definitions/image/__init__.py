"""Definitions of the losses of `lossspec.losses.image`, file by file."""
