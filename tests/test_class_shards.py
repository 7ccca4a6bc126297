"""Cross entropies of spread classes: value and gradients of the whole on ranks and devices, or one error for all."""

from textwrap import indent

import numpy as np
import pytest
from pages import code_of

import lossspec as ls
from lossspec.errors import BackendError, ContractError
from lossspec.integrations.class_shards import over_classes

WHOLE = """
from lossspec.integrations.torch_class_shards import over_classes
random = np.random.default_rng(0)
ROWS, CLASSES, DIM = 9, 13, 4
logits, labels = torch.tensor(4 * random.normal(size=(ROWS, CLASSES))), torch.tensor(random.integers(0, CLASSES, ROWS))
features, rows = torch.tensor(random.normal(size=(ROWS, DIM))), torch.tensor(random.normal(size=(CLASSES, DIM)))
bias, weight = torch.tensor(random.normal(size=CLASSES)), torch.tensor(random.uniform(0.1, 3.0, ROWS))
far, ignored, gap = labels.clone(), labels.clone(), logits.clone()
far[2], far[5], ignored[1], ignored[4] = CLASSES, -1, -100, -100
gap[3, 7], gap[0, 0], gap[6, 2:9] = float("nan"), float("-inf"), float("-inf")
def place(widths):
    end = sum(widths[: rank + 1])
    return slice(end - widths[rank], end)
def learned(x):
    return x.clone().requires_grad_()
"""

CASES = """
CASES = {
    "plain": (logits, labels, {}),
    "smooth": (logits, ignored, {"label_smoothing": 0.1, "ignore_index": -100}),
    "weights": (logits, ignored, {"sample_weight": weight, "ignore_index": -100, "reduction": "count_mean"}),
    "varying": (logits, labels, {"label_smoothing": weight / 3, "where": weight < 2, "reduction": "sum"}),
    "classes": (logits, labels, {"class_weight": torch.linspace(0.5, 2.0, CLASSES).double()}),
    "far": (logits, far, {"reduction": "none"}),
    "far mean": (logits, far, {}),
    "gap": (gap, labels, {"reduction": "none"}),
    "single": (logits.float(), labels, {}),
    "nothing": (logits[:0], labels[:0], {"empty": 2.0}),
    "words": (logits[:8].reshape(2, 4, CLASSES), labels[:8].reshape(2, 4), {"ignore_index": 3}),
    "sure": (logits * 40, labels, {}),
}
for name, (x, y, options) in CASES.items():
    part, whole = learned(x[..., mine]), learned(x)
    value, right = over_classes(ls.cross_entropy)(part, y, **options), ls.cross_entropy(whole, y, **options)
    value.sum().backward()
    right.sum().backward()
    report(name=name, value=value, right=right, gradients=[part.grad.tolist()], slopes=[whole.grad[..., mine].tolist()])
for name, options in {"linear": {}, "linear smooth": {"label_smoothing": 0.2, "softcap": 1.5}}.items():
    parts = [learned(features), learned(rows[mine]), learned(bias[mine])]
    whole = [learned(features), learned(rows), learned(bias)]
    loss = over_classes(ls.linear_cross_entropy.configured(ignore_index=-100))
    value = loss(parts[0], parts[1], ignored, bias=parts[2], sample_weight=weight, **options)
    right = ls.linear_cross_entropy(
        whole[0], whole[1], ignored, bias=whole[2], sample_weight=weight, ignore_index=-100, **options
    )
    value.backward()
    right.backward()
    slopes = [whole[0].grad, whole[1].grad[mine], whole[2].grad[mine]]
    report(name=name, value=value, right=right, gradients=[x.grad.tolist() for x in parts],
           slopes=[x.tolist() for x in slopes])
"""


@pytest.mark.parametrize(
    "widths",
    [[[4, 9], [13, 0]], pytest.param([[5, 0, 1, 7]], marks=pytest.mark.thorough)],
    ids=["two", "four"],
)
def test_ranks_have_the_value_of_all_classes_and_the_gradients_of_their_own(on_ranks, widths):
    body = f"for widths in {widths}:\n    mine = place(widths)\n" + indent(CASES, "    ")
    found = on_ranks(WHOLE + body, len(widths[0]))
    for reports in found:
        assert len(reports) == 14 * len(widths)
        for case in reports:
            tolerance = {"rtol": 1e-12, "atol": 1e-15} if case["name"] != "single" else {"rtol": 1e-5, "atol": 1e-7}
            np.testing.assert_allclose(case["value"], case["right"], err_msg=case["name"], **tolerance)
            for gradient, slope in zip(case["gradients"], case["slopes"], strict=True):
                np.testing.assert_allclose(gradient, slope, err_msg=case["name"], **tolerance)
    named = {case["name"]: case for case in found[0]}
    assert np.isnan(named["far"]["value"]).tolist() == [False, False, True, False, False, True, *[False] * 3]
    assert np.isnan(named["far mean"]["value"])
    assert np.isnan(named["gap"]["value"]).sum() == 1


DIFFERENT = (
    """
x, y = logits[:, mine], labels
own = lambda first, second: (first, second)[rank]
loss, linear = over_classes(ls.cross_entropy), over_classes(ls.linear_cross_entropy)
other = labels.clone()
other[3] = (other[3] + 1) % CLASSES
CALLS = {
    "labels": lambda: loss(x, own(y, other)),
    "smoothing": lambda: loss(x, y, label_smoothing=own(0.0, 0.1)),
    "configured": lambda: over_classes(ls.cross_entropy.configured(ignore_index=own(0, 1)))(x, y),
    "reduction": lambda: loss(x, y, reduction=own("mean", "sum")),
    "rows": lambda: loss(*own((x, y), (x[:4], y[:4]))),
    "dtype": lambda: loss(own(x, x.float()), y),
    "where": lambda: loss(x, y, **own({}, {"where": y > 1})),
    "weight": lambda: loss(x, y, sample_weight=own(weight, 2 * weight)),
    "loss": lambda: own(loss(x, y), 0) if rank == 0 else linear(features, rows[mine], y),
    "learned": lambda: linear(own(features, learned(features)), rows[mine], y),
    "one fails": lambda: loss(x, own(y, y[:3])),
    "numpy": lambda: loss(*own((x, y), (x.numpy(), y.numpy()))),
    "class_weight": lambda: loss(x, y, class_weight=torch.ones(5).double()),
    "both": lambda: loss(x, y, class_weight=torch.ones(CLASSES).double(), label_smoothing=0.1),
    "soft": lambda: loss(x, torch.softmax(logits, -1)),
}
def second():
    point = learned(x)
    (slope,) = torch.autograd.grad(loss(point, y), point, create_graph=True)
CALLS["second"] = second
for name, call in CALLS.items():
    report(name=name, error=error_of(call))
value, gradient = loss.value_and_grad(x, y)
report(name="after all", error=[value.item(), ls.cross_entropy(logits, labels).item()])
rows, features, labels = rows[mine], learned(features), ignored
"""
    + code_of("Classes on several devices")
    + """
report(name="page", error=[value.item()])
group = dist.new_group(timeout=timedelta(seconds=2))
if rank == 0:
    report(name="late", error=error_of(lambda: over_classes(ls.cross_entropy, group)(x, y)))
else:
    import time; time.sleep(4)
    report(name="late", error=["slept", ""])
"""
)


def test_ranks_that_differ_all_raise_what_differs_and_none_hangs(on_ranks):
    script = WHOLE + "mine = place([4, 9])\n" + DIFFERENT
    first, second = ({case["name"]: case["error"] for case in reports} for reports in on_ranks(script))
    told = {
        "labels": "`labels` is",
        "smoothing": "`label_smoothing` is 0.0 on rank 0, 0.1 on rank 1",
        "configured": "`ignore_index` is 0 on rank 0, 1 on rank 1",
        "reduction": "`reduction` is 'mean' on rank 0, 'sum' on rank 1",
        "rows": "`logits` is \"array of float64 [9, 'its classes']\" on rank 0",
        "dtype": '`logits` is "array of float64 [9, \'its classes\']" on rank 0, "array of float32',
        "where": "`where` is None on rank 0",
        "weight": "`sample_weight` is",
        "loss": "loss is 'cross_entropy' on rank 0, 'linear_cross_entropy' on rank 1",
        "learned": "on rank 0, 'array of float64 [9, 4] with a gradient' on rank 1",
    }
    for name, message in told.items():
        assert first.pop(name) == (error := second.pop(name)), name
        assert error[0] == "MergeError", name
        assert message in error[1], (name, error[1])
    for name, kind in (("one fails", "ContractError"), ("numpy", "MixtureError")):
        assert first.pop(name)[0] == "MergeError", name
        assert second.pop(name)[0] == kind, name
    for name, kind, words in (
        ("class_weight", "ContractError", "declared [classes] with classes = 13 over all devices"),
        ("both", "ContractError", "leave out one of them"),
        ("soft", "DTypeError", "`labels`"),
        ("second", "GradientError", "no second derivatives"),
    ):
        assert first.pop(name) == (error := second.pop(name)), name
        assert error[0] == kind, name
        assert words in error[1], name
    (value, right) = first.pop("after all")
    assert value == pytest.approx(right, rel=1e-13)
    assert second.pop("after all") == [value, right]
    assert first.pop("page") == second.pop("page")
    assert second.pop("late")[0] == "slept"
    late = first.pop("late")
    assert late[0] == "BackendError"
    assert "did not all answer within the timeout of the group" in late[1]
    assert not first
    assert not second


JAX = """
import os; os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
import jax
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
import jax.numpy as jnp, numpy as np, lossspec as ls
from jax.sharding import Mesh, PartitionSpec as P
from lossspec.integrations.class_shards import over_classes
random = np.random.default_rng(0)
ROWS, CLASSES, DIM = 8, 24, 5
logits, labels = random.normal(size=(ROWS, CLASSES)) * 4, random.integers(0, CLASSES, ROWS)
weight, far = random.uniform(0.1, 3.0, ROWS), labels.copy()
far[2], far[3] = CLASSES, -100
mesh = Mesh(np.asarray(jax.devices()), ("classes",))
loss = over_classes(ls.cross_entropy, "classes")
checked = 0
def near(mine, true):
    global checked
    np.testing.assert_allclose(mine, true, rtol=1e-12, atol=1e-15)
    checked += 1
for y, options in (
    (far, {"ignore_index": -100, "label_smoothing": 0.1}),
    (far, {"ignore_index": -100, "reduction": "sum"}),
    (labels, {"class_weight": np.linspace(0.5, 2.0, CLASSES), "reduction": "count_mean"}),
):
    own = {name: jnp.asarray(x) if isinstance(x, np.ndarray) else x for name, x in options.items()}
    def part(x, y, w):
        return loss(x, y, sample_weight=w, **own)
    spread = {"mesh": mesh, "in_specs": (P(None, "classes"), P(), P())}
    outside = jax.jit(jax.value_and_grad(jax.shard_map(part, out_specs=P(), **spread)))
    right = ls.cross_entropy.value_and_grad(logits, y, sample_weight=weight, **options)
    jax.tree.map(near, outside(logits, y, weight), right)
inside = jax.jit(jax.shard_map(jax.value_and_grad(part), out_specs=(P(), P(None, "classes")), **spread))
jax.tree.map(near, tuple(inside(logits, y, weight)), right)
"""


def test_devices_have_the_value_of_all_classes_and_the_gradients_of_their_own(in_fresh_process):
    pytest.importorskip("jax")
    script = (
        JAX
        + """
mesh = Mesh(np.asarray(jax.devices()).reshape(4, 2), ("data", "classes"))
features, rows, bias = (random.normal(size=size) for size in ((ROWS, DIM), (2500, DIM), (2500,)))
y = random.integers(0, 2500, ROWS)
linear = over_classes(ls.linear_cross_entropy, "classes")
spread = {"mesh": mesh, "in_specs": (P("data"), P("classes"), P("classes"), P("data"), P("data"))}
for options in ({"label_smoothing": 0.2, "softcap": 2.0},):
    def part(f, w, b, y, v):
        return linear.partial(f, w, y, bias=b, sample_weight=v, **options).psum("data").value()
    found = jax.jit(jax.value_and_grad(jax.shard_map(part, out_specs=P(), **spread), argnums=(0, 1, 2)))
    right = ls.linear_cross_entropy.value_and_grad(
        features, rows, y, bias=bias, sample_weight=weight, wrt=("features", "weight", "bias"), **options
    )
    jax.tree.map(near, found(features, rows, bias, y, weight), right)
print(len(jax.devices()), checked)
"""
    )
    assert in_fresh_process(script) == f"8 {4 * 2 + 4}"


def test_what_has_no_axis_of_devices_is_refused(usable):
    backend = usable("jax")
    x, y = backend.from_numpy(np.zeros((2, 3))), backend.from_numpy(np.zeros(2, dtype=int))
    loss = over_classes(ls.cross_entropy, "classes")
    with pytest.raises(BackendError, match=r"no axis of devices is called 'classes' here. Fix: call it within"):
        loss(x, y)
    with pytest.raises(BackendError, match="numpy has no named axes of devices"):
        loss(np.zeros((2, 3)), np.zeros(2, dtype=int))
    with pytest.raises(ContractError, match="huber has no form for classes on several devices"):
        over_classes(ls.huber, "classes")
    with pytest.raises(ContractError, match="`loss` is 3, which is no loss"):
        over_classes(3, "classes")
