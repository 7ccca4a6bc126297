"""Targets with planted mistakes, and what `lossspec verify` says of them."""
