"""Definitions of the losses of `lossspec.losses.segmentation`, file by file."""
