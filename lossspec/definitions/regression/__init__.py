"""Definitions of the losses of `lossspec.losses.regression`, file by file."""
