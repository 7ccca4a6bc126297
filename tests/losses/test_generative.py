"""Losses of diffusion models and of vector quantization: weights at both sides of the bound, constants."""

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError


@pytest.mark.parametrize(
    ("prediction", "weights"),
    [("noise", [1.0, 1.0, 0.5]), ("data", [0.0, 1.0, 4.0]), ("velocity", [0.0, 0.5, 4 / 9])],
)
def test_the_weight_of_each_prediction(prediction, weights, array, plain):
    x, y, snr = array([[3.0, 1.0]] * 3), array([[1.0, 1.0]] * 3), array([[0.0], [1.0], [8.0]])
    losses = plain(ls.min_snr.per_example(x, y, snr, gamma=4.0, prediction=prediction))
    assert losses[:, 0] == pytest.approx([4 * w for w in weights], rel=1e-15)
    assert not losses[:, 1].any()


def test_an_unknown_prediction_is_refused(array):
    with pytest.raises(ContractError, match="prediction"):
        ls.min_snr(array([1.0]), array([1.0]), array([1.0]), prediction="score")


def test_codes_and_encodings_move_towards_each_other_by_their_own_weights(backend):
    z, e = backend.from_numpy(np.asarray([3.0])), backend.from_numpy(np.asarray([1.0]))
    value, (of_z, of_e) = ls.vq_commitment.value_and_grad(z, e, wrt=("encodings", "codes"), beta=0.5)
    assert float(backend.to_numpy(value)) == 6.0
    assert (float(backend.to_numpy(of_z)[0]), float(backend.to_numpy(of_e)[0])) == (2.0, -4.0)
