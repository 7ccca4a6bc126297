"""Anybody's loss against the truth: from a callable, a peer's name or a program in any language to a verdict."""
