"""The probe of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from lossspec.conformance.probes.base import Probe


class TorchProbe(Probe):
    """PyTorch compiles where it is asked to, for sizes that it keeps symbolic."""

    def compile_quickly(self, function: Callable[..., Any], shallow: bool = False) -> Callable[..., Any]:
        """By a compiler that stops before it generates code, or after it has captured the function as one graph."""
        import torch

        torch.compiler.reset()  # every function counts anew towards the limit of recompilations
        compiled: Callable[..., Any] = torch.compile(
            function, fullgraph=True, backend="eager" if shallow else "aot_eager"
        )
        return compiled

    def count_graphs(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> int | None:
        """By a compiler that counts."""
        import torch
        from torch._dynamo.testing import CompileCounterWithBackend

        torch.compiler.reset()
        counter = CompileCounterWithBackend("eager")
        compiled = torch.compile(function, fullgraph=True, backend=counter)
        for arguments in calls:
            compiled(*arguments)
        return int(counter.frame_count)

    def mixed_precision(self) -> tuple[AbstractContextManager[Any], ...]:
        """Those of `torch.autocast`."""
        import torch

        return tuple(torch.autocast("cpu", dtype=dtype) for dtype in (torch.bfloat16, torch.float16))

    def vmap(self, function: Callable[..., Any]) -> Callable[..., Any] | None:
        """By `torch.func.vmap`."""
        import torch

        mapped: Callable[..., Any] = torch.func.vmap(function)
        return mapped
