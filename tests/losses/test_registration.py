"""Losses of registration: fields that do not bend, other numbers of axes, spaces that are too small."""

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError


@pytest.mark.parametrize("shape", [(5,), (4, 3), (3, 4, 3)])
def test_an_affine_field_has_no_energy_and_a_parabola_has_its_curvature(shape):
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij")).astype(float)
    affine = np.einsum("ij,j...->i...", np.arange(len(shape) ** 2.0).reshape(len(shape), -1), places)[None]
    assert float(ls.bending_energy(affine)) == 0
    bent = np.zeros_like(affine)
    bent[0, 0] = places[0] ** 2 + (places[0] * places[-1] if len(shape) > 1 else 0)
    mixed = 2 if len(shape) > 1 else 0
    assert float(ls.bending_energy(bent)) == pytest.approx((2**2 + mixed) / len(shape))


def test_a_space_without_inner_pixels_is_refused():
    with pytest.raises(ContractError, match="3 pixels"):
        ls.bending_energy(np.zeros((1, 2, 2, 5)))
