"""Compiled kernels: the losses as single passes of machine code, for the extra `fast`."""
