"""Tests of a backend for the suite of its author: a class to derive from, whose cells are tests of their own.

    from lossspec.testing import BackendSuite
    from my_package import backend

    class TestMyBackend(BackendSuite):
        backend = backend
        losses = ("huber", "cross_entropy", "dice")
        known = {"complete_iou": "there is no atan2 yet"}

pytest finds the tests in the class; nothing else has to be written. `losses` left out is the whole catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from lossspec.conformance.isolated import run_isolated
from lossspec.conformance.matrix import Cell, Job, run_cell
from lossspec.conformance.needs import lacking, needs
from lossspec.dispatch import Backend, all_backends, find_backend, register_backend
from lossspec.registry import get, names
from lossspec.verify.truth import store


class BackendSuite:
    """The tests of one backend."""

    backend: ClassVar[Backend]
    """The backend under test; it is registered for the run of the tests."""
    losses: ClassVar[tuple[str, ...]] = ()
    """The losses to run; all, if none is named."""
    known: ClassVar[Mapping[str, str]] = {}
    """Losses that are expected to fail, with the reason; one that passes all the same fails."""
    isolate: ClassVar[float] = 0.0
    """Seconds that a cell may take in a process of its own, where the framework may crash; 0 for this process."""
    modules: ClassVar[tuple[str, ...]] = ()
    """The modules that register the backend in such a process; none where an entry point does."""

    @classmethod
    def pytest_generate_tests(cls, metafunc: Any) -> None:
        """Make a test of every loss in every dtype."""
        if "loss_name" in metafunc.fixturenames:
            cells = [(loss, dtype) for loss in cls.losses or names() for dtype in cls.backend.dtypes]
            metafunc.parametrize(("loss_name", "dtype"), cells, ids=["-".join(cell) for cell in cells])

    @classmethod
    def setup_class(cls) -> None:
        """Register the backend, unless an entry point has."""
        if all_backends().get(cls.backend.name) is not cls.backend:
            register_backend(cls.backend)

    def test_it_is_available(self) -> None:
        """The framework loads, and has a version and a device."""
        there = self.backend.available()
        assert there, there.reason
        assert there.version
        assert self.backend.devices()

    def test_its_namespace_has_what_the_losses_need(self) -> None:
        """Every function and keyword that the losses ask for is there."""
        losses = [get(name) for name in self.losses or names() if name not in self.known]
        missing = list(lacking(self.backend.namespace, needs(losses, gradients=not self.backend.has_autodiff)))
        assert not missing, f"{self.backend.name} lacks {', '.join(missing)}"

    def test_arrays_come_back_from_numpy_as_they_went(self) -> None:
        """Numbers, dtypes and shapes survive, empty arrays and 0-d ones included, and the copy shares no memory."""
        for dtype in (*self.backend.dtypes, "int64", "int32", "bool"):
            for array in (np.arange(6).reshape(2, 3), np.asarray(1), np.zeros((0, 2))):
                given = array.astype(dtype)
                made = self.backend.from_numpy(given)
                assert tuple(made.shape) == given.shape
                back = self.backend.to_numpy(made)
                assert back.dtype == given.dtype, f"{given.dtype} came back as {back.dtype}"
                np.testing.assert_array_equal(back, given)
        given = np.ones(3, dtype=self.backend.dtypes[0])
        made = self.backend.from_numpy(given)
        given[:] = 2
        np.testing.assert_array_equal(self.backend.to_numpy(made), np.ones(3))

    def test_its_arrays_are_its_own(self) -> None:
        """An array is found to be one of this backend; one of NumPy, a number and a list are not."""
        made = self.backend.from_numpy(np.ones(2, dtype=self.backend.dtypes[0]))
        assert find_backend(made) is self.backend
        assert not any(self.backend.recognises(x) for x in (np.ones(2), 1.0, [1.0], None))

    def test_a_loss_meets_its_contract(self, loss_name: str, dtype: str) -> None:
        """Values, gradients, Hessians and laws of a loss are right."""
        import pytest

        cell = self.cell(loss_name, dtype)
        if cell.status == "not run":
            pytest.skip(cell.reason)
        words = "\n".join([f"{cell.failure_count} of {cell.checks} checks failed:", *cell.failures])
        if loss_name in self.known:
            assert cell.status == "fail", f"{loss_name} passes; it is known to fail: {self.known[loss_name]}"
            pytest.xfail(f"{self.known[loss_name]}\n{words}")
        assert cell.status == "pass", words

    def cell(self, loss: str, dtype: str) -> Cell:
        """The cell of the matrix for a loss in a dtype, on the default device."""
        job = Job(get(loss), self.backend, dtype, self.backend.devices()[0])
        if self.isolate:
            return run_isolated(job, modules=self.modules, seconds=self.isolate)
        return run_cell(job, store())
