"""Arrays that are no plain dense ones of a framework are refused by name, or computed right."""

import numpy as np
import pytest

import lossspec as ls


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_matrix_is_refused_by_name():
    plain = np.asarray([[1.0, 2.0], [3.0, 4.0]])
    matrix = np.asmatrix(plain)
    with pytest.raises(ls.DTypeError, match="`predictions` is a matrix"):
        ls.squared_error(matrix, plain)
    with pytest.raises(ls.DTypeError, match="`sample_weight` is a matrix"):
        ls.squared_error(plain, plain, sample_weight=matrix)


def sparse(torch):
    return torch.zeros(2, 3).to_sparse()


def compressed(torch):
    return torch.zeros(2, 3).to_sparse_csr()


def mkldnn(torch):
    return torch.zeros(2, 3).to_mkldnn()


def nested(torch):
    return torch.nested.nested_tensor([torch.zeros(3), torch.zeros(2)])


def jagged(torch):
    return torch.nested.nested_tensor([torch.zeros(3), torch.zeros(2)], layout=torch.jagged)


def masked(torch):
    return torch.masked.masked_tensor(torch.zeros(2, 3), torch.ones(2, 3) > 0)


def quantized(torch):
    return torch.quantize_per_tensor(torch.zeros(2, 3), 0.1, 0, torch.quint8)


@pytest.mark.filterwarnings("ignore")  # torch calls these layouts prototypes
@pytest.mark.parametrize("make", [sparse, compressed, mkldnn, nested, jagged, masked, quantized])
def test_a_tensor_that_is_not_plain_is_refused_by_name(make):
    torch = pytest.importorskip("torch")
    plain = torch.zeros(2, 3)
    ls.squared_error(plain, plain)  # the plan of these shapes and dtypes is known, and must not be used
    for arguments, name in (((make(torch), plain), "predictions"), ((plain, make(torch)), "targets")):
        with pytest.raises(ls.DTypeError, match=f"squared_error: `{name}` .*Fix: "):
            ls.squared_error(*arguments)


@pytest.mark.parametrize(
    ("loss", "shape", "axis"),
    [
        (ls.cosine_embedding, (2, 0), "dim"),
        (ls.triplet_margin, (2, 0), "dim"),
        (ls.info_nce, (2, 0), "dim"),
        (ls.gradient_penalty, (2, 0), "dim"),
        (ls.ssim, (2, 0, 16, 16), "channels"),
        (ls.cross_entropy, (2, 0), "classes"),
    ],
)
def test_an_axis_that_must_have_entries_is_named_where_it_has_none(backend, loss, shape, axis):
    empty = backend.from_numpy(np.zeros(shape))
    integers = backend.from_numpy(np.ones(2, dtype=np.int64))
    inputs = [integers if "integral" in argument.terms[0].kinds else empty for argument in loss.contract.inputs]
    with pytest.raises(ls.ContractError, match=f"{loss.__name__}: the axis `{axis}` .* has size 0"):
        loss(*inputs)


def test_arrays_that_are_split_over_devices_compute_eagerly(in_fresh_process):
    pytest.importorskip("jax")
    assert in_fresh_process(SHARDED) == "the same"


SHARDED = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
os.environ["JAX_PLATFORMS"] = "cpu"
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
import lossspec as ls

mesh = jax.sharding.Mesh(np.array(jax.devices()), ("devices",))
random = np.random.default_rng(0)
x, y = random.normal(size=(8, 5)).astype(np.float32), random.normal(size=(8, 5)).astype(np.float32)
labels = random.integers(0, 5, 8).astype(np.int32)
rows = np.exp(y) / np.exp(y).sum(-1, keepdims=True)

def split(array):
    return jax.device_put(array, NamedSharding(mesh, P("devices", *(None,) * (array.ndim - 1))))

for loss, *inputs in (
    (ls.cross_entropy, x, labels),
    (ls.sparsemax, x, labels),
    (ls.multi_margin, x, labels),
    (ls.info_nce, x, y),
    (ls.listmle, x, np.abs(y)),
    (ls.distillation, x, y),
    (ls.supervised_contrastive, x, labels),
):
    whole = loss(*map(jnp.asarray, inputs))
    np.testing.assert_allclose(loss(*map(split, inputs)), whole, rtol=1e-5, err_msg=loss.__name__)
print("the same")
"""
