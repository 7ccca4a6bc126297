"""A probe for each backend, by its name: what conformance asks of a framework beyond running a loss."""

from __future__ import annotations

from lossspec.conformance.probes.base import Probe as Probe
from lossspec.conformance.probes.jax import JaxProbe
from lossspec.conformance.probes.strict import StrictProbe
from lossspec.conformance.probes.torch import TorchProbe
from lossspec.dispatch import Backend

_PROBES: dict[str, type[Probe]] = {"jax": JaxProbe, "strict": StrictProbe, "torch": TorchProbe}


def probe_of(backend: Backend) -> Probe:
    """The probe of a backend; one that none is written for is taken as eager, and asked for nothing more."""
    return _PROBES.get(backend.name, Probe)(backend)
