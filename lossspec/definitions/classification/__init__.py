"""Definitions of the losses of `lossspec.losses.classification`, file by file."""
