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


FAMILIES: dict[str, list[str]] = {}
for _name in ls.names():
    FAMILIES.setdefault(ls.get(_name).contract.family, []).append(_name)


def few(losses, most=5):
    """The names of losses in parts that a process has time for."""
    return [losses[start : start + most] for start in range(0, len(losses), most)]


@pytest.mark.parametrize("names", few([losses[0] for losses in FAMILIES.values()]), ids=lambda names: names[0])
def test_arrays_that_are_split_over_devices_compute_eagerly(in_fresh_process, names):
    pytest.importorskip("jax")
    assert in_fresh_process(SPLIT.format(names=names, devices=8, gradients=False)) == "the same"


@pytest.mark.thorough
@pytest.mark.parametrize("devices", [2, 8])
@pytest.mark.parametrize("names", few(ls.names()), ids=lambda names: names[0])
def test_every_loss_and_gradient_of_arrays_that_are_split_is_that_of_the_whole(in_fresh_process, names, devices):
    pytest.importorskip("jax")
    assert in_fresh_process(SPLIT.format(names=names, devices=devices, gradients=True)) == "the same"


SPLIT = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count={devices}"
os.environ["JAX_PLATFORMS"] = "cpu"
import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
import lossspec as ls
from lossspec.conformance.sampling import typical_inputs

jax.config.update("jax_enable_x64", True)
mesh = jax.sharding.Mesh(np.array(jax.devices()), ("devices",))
assert len(jax.devices()) == {devices}

def put(x, spread):
    if isinstance(x, list):
        return [put(item, spread) for item in x]
    fits = spread and x.ndim and x.shape[0] == 8
    return jax.device_put(x, NamedSharding(mesh, P("devices") if fits else P()) if spread else jax.devices()[0])

for name in {names}:
    loss = ls.get(name)
    inputs = typical_inputs(loss.contract, {{loss.contract.result.names[0]: 8}} if loss.contract.result.names else {{}})
    sizes = loss.contract.sizes
    given = {{p.name: sizes[p.name] for p in loss.contract.parameters if p.name in sizes}}
    real = [n for n, x in inputs.items() if not isinstance(x, list) and x.dtype.kind == "f"][:1]
    call = loss.value_and_grad if {gradients} and real else loss
    wrt = {{"wrt": real[0]}} if {gradients} and real else {{}}
    whole, split = (call(**{{n: put(x, s) for n, x in inputs.items()}}, **given, **wrt) for s in (False, True))
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(split), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-11, err_msg=name)
print("the same")
"""
