"""Losses over processes of torch.distributed: value and gradient of the whole batch, or one error for all ranks."""

import re
import tracemalloc

import numpy as np
import pytest
from pages import code_of

import lossspec as ls
from lossspec.errors import BackendError

pytest.importorskip("torch")

# A linear model under DDP. Rank r has the rows of `CUTS[r]`, one of them none.

MODEL = """
from torch.nn.parallel import DistributedDataParallel
random = np.random.default_rng(0)
features, labels = torch.tensor(random.normal(size=(11, 4))), torch.tensor(random.integers(0, 3, 11))
weight, start = torch.tensor(random.uniform(0.1, 3.0, 11)), torch.tensor(random.normal(size=(3, 4)))
def fresh():
    model = torch.nn.Linear(4, 3, bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(start)
    return model
options = {"sample_weight": weight, "where": features[:, 0] < 1.0}
CASES = {
    "mean": (ls.cross_entropy, {}, {}),
    "ignored": (ls.cross_entropy, {"ignore_index": 1, "label_smoothing": 0.1}, {"sample_weight": weight}),
    "masked": (ls.cross_entropy, {"reduction": "count_mean"}, options),
    "batch": (ls.cross_entropy, {"reduction": "batch_mean"}, options),
    "sum": (ls.cross_entropy, {"reduction": "sum"}, {}),
    "over": (ls.cross_entropy, {"reduction": ls.Mean(over=7)}, {}),
    "aggregate": (ls.perplexity, {}, options),
    "composite": (0.5 * ls.cross_entropy + 2.0 * ls.perplexity, {}, options),
    "classes": (ls.cross_entropy, {"class_weight": torch.tensor([0.5, 1.0, 3.0]).double()}, {}),
}
def shard(of, cut):
    return {name: x[cut] for name, x in of.items()}
"""

TRAINED = (
    MODEL
    + """
cut = CUTS[rank]
for name, (loss, same, own) in CASES.items():
    model, whole = DistributedDataParallel(fresh()), fresh()
    value = global_loss(loss, model(features[cut]), labels[cut], **same, **shard(own, cut))
    value.backward()
    right = loss(whole(features), labels, **same, **own)
    right.backward()
    summed = fresh()
    global_loss(loss, summed(features[cut]), labels[cut], **same, **shard(own, cut), gradients="sum").backward()
    dist.all_reduce(summed.weight.grad)
    report(name=name, value=value, right=right, gradient=model.module.weight.grad, slope=whole.weight.grad,
           summed=summed.weight.grad)
"""
)


@pytest.mark.parametrize(
    ("world", "cuts"),
    [
        (2, "[slice(0, 8), slice(8, 11)]"),
        (2, "[slice(0, 0), slice(0, 11)]"),
        pytest.param(4, "[slice(0, 1), slice(1, 8), slice(8, 8), slice(8, 11)]", marks=pytest.mark.thorough),
    ],
    ids=["uneven", "empty", "four"],
)
def test_ddp_gives_every_rank_the_value_and_the_gradient_of_the_whole_batch(on_ranks, world, cuts):
    found = on_ranks(f"CUTS = {cuts}\n" + TRAINED, world)
    assert len(found) == world
    for reports in found:
        assert len(reports) == 9
        for case in reports:
            assert case["value"] == pytest.approx(case["right"], rel=1e-13), case["name"]
            for gradient in ("gradient", "summed"):
                np.testing.assert_allclose(case[gradient], case["slope"], rtol=1e-11, atol=1e-14, err_msg=case["name"])
    for one in zip(*found, strict=True):
        assert len({case["value"] for case in one}) == 1


def test_unequal_micro_batches_of_ranks_accumulate_to_the_whole(on_ranks):
    found = on_ranks(
        MODEL
        + """
micro = [[slice(0, 3), slice(3, 8)], [slice(8, 9), slice(9, 11), slice(0, 0)]][rank]
whole = fresh()
right = ls.cross_entropy(whole(features), labels, sample_weight=weight)
right.backward()
model = DistributedDataParallel(fresh())
parts = [ls.cross_entropy.partial(model.module(features[cut]), labels[cut], sample_weight=weight[cut]) for cut in micro]
value = all_reduce(sum(parts)).value()
(gradient,) = torch.autograd.grad(value, model.module.weight)
dist.all_reduce(gradient)
report(value=value, right=right, gradient=gradient / world, slope=whole.weight.grad)
"""
    )
    for (case,) in found:
        assert case["value"] == pytest.approx(case["right"], rel=1e-13)
        np.testing.assert_allclose(case["gradient"], case["slope"], rtol=1e-11, atol=1e-14)


DIFFERENT = """
x, y = torch.tensor([3.0, 1.0]), torch.zeros(2)
long, double = torch.zeros(2, dtype=torch.int64), torch.zeros(2, dtype=torch.float64)
mine = lambda first, second: (first, second)[rank]
CASES = {
    "loss": lambda: global_loss(mine(ls.huber, ls.squared_error), x, y),
    "delta": lambda: global_loss(ls.huber, x, y, delta=mine(1.0, 2.0)),
    "configured": lambda: global_loss(ls.huber.configured(delta=mine(1.0, 2.0)), x, y),
    "reduction": lambda: global_loss(ls.huber, x, y, reduction=mine("mean", "sum")),
    "over": lambda: global_loss(ls.huber, x, y, reduction=ls.Mean(over=mine(3, 4))),
    "dtype": lambda: global_loss(ls.huber, mine(x, double), mine(y, double)),
    "composite": lambda: global_loss(mine(ls.huber, ls.huber + ls.squared_error), x, y),
    "factor": lambda: global_loss(mine(2.0, 3.0) * ls.huber, x, y),
    "class_weight": lambda: global_loss(
        ls.cross_entropy, torch.zeros(2, 2), long, class_weight=torch.tensor([1.0, mine(1.0, 2.0)])
    ),
    "long": lambda: global_loss(
        ls.cross_entropy, torch.zeros(2, 500), long, class_weight=torch.tensor([1.0] * 499 + [mine(1.0, 2.0)])
    ),
    "one fails": lambda: global_loss(ls.huber, x, mine(y, torch.zeros(3))),
    "numpy": lambda: global_loss(ls.huber, *mine((x, y), (x.numpy(), y.numpy()))),
    "gradients": lambda: global_loss(ls.huber, x, y, gradients=mine("mean", "sum")),
    "no loss": lambda: global_loss(mine(ls.huber, "huber"), x, y),
    "none": lambda: all_reduce(mine(ls.huber.partial(x, y), None)),
    "both fail": lambda: global_loss(ls.huber, x, torch.zeros(3)),
    "coupled": lambda: global_loss(ls.info_nce, torch.zeros(2, 2), torch.zeros(2, 2)),
}
for name, call in CASES.items():
    report(name=name, error=error_of(call))
delta = torch.tensor(1.0, requires_grad=rank == 0)  # as text they differ
assert global_loss(ls.huber.configured(delta=delta), x, y).item() == 1.5
value = global_loss(ls.huber, x, y, **mine({}, {"sample_weight": torch.tensor([2.0, 0.0])}))
report(name="after all", error=[value.item()])
"""


def test_ranks_that_differ_all_raise_what_differs_and_none_hangs(on_ranks):
    first, second = ({case["name"]: case["error"] for case in reports} for reports in on_ranks(DIFFERENT))
    told = {
        "loss": "loss is ['huber'] on rank 0, ['squared_error'] on rank 1",
        "delta": "`delta` is 1.0 on rank 0, 2.0 on rank 1",
        "configured": "`delta` is 1.0 on rank 0, 2.0 on rank 1",
        "reduction": "reduction is 'mean' on rank 0, 'sum' on rank 1",
        "over": "reduction is {'over': 3} on rank 0, {'over': 4} on rank 1",
        "dtype": "dtype is 'float32' on rank 0, 'float64' on rank 1",
        "gradients": "`gradients` is 'mean' on rank 0, 'sum' on rank 1",
        "composite": "loss is ['huber'] on rank 0, ['huber', 'squared_error'] on rank 1",
        "factor": "factors is [2.0] on rank 0, [3.0] on rank 1",
        "class_weight": "`class_weight` is",
        "long": "`class_weight` is 'array of float32 [500] with the digest",
    }
    for name, message in told.items():
        assert first.pop(name) == (error := second.pop(name)), name
        assert error[0] == "MergeError", name
        assert message in error[1], name
        assert "the same loss with the same options on every rank" in error[1]
    for name, kind in (
        ("one fails", "ContractError"),
        ("numpy", "MixtureError"),
        ("no loss", "ContractError"),
        ("none", "ContractError"),
    ):
        error, own = first.pop(name), second.pop(name)
        assert error[0] == "MergeError", name
        assert f"rank 1 failed, and so no rank has the loss: {kind}: " in error[1], name
        assert own[0] == kind, name
        assert own[1] in error[1], name
    for name, kind in (("both fail", "ContractError"), ("coupled", "MergeError")):
        assert first.pop(name) == (error := second.pop(name)), name
        assert error[0] == kind, name
    expected = (2.5 + 0.5 + 2 * 2.5) / (2 + 2)
    assert first.pop("after all") == second.pop("after all") == [pytest.approx(expected, rel=1e-6)]
    assert not first
    assert not second


def test_a_rank_that_is_gone_is_an_error_for_the_others(on_ranks):
    script = """
if rank == 1:
    report(error=["gone", ""])
    os._exit(0)
report(error=error_of(lambda: global_loss(ls.huber, torch.ones(2), torch.zeros(2))))
os._exit(0)
"""
    (first,), (second,) = on_ranks(script, tail="")
    assert second["error"][0] == "gone"
    assert first["error"][0] == "BackendError"
    assert "did not all answer within the timeout of the group" in first["error"][1]


def test_a_rank_that_does_not_call_is_an_error_after_the_timeout(on_ranks):
    script = """
group = dist.new_group(timeout=timedelta(seconds=3))
if rank == 0:
    report(error=error_of(lambda: global_loss(ls.huber, torch.ones(2), torch.zeros(2), group=group)))
    os._exit(0)
import time; time.sleep(6)
report(error=["late", ""])
os._exit(0)
"""
    (first,), (second,) = on_ranks(script, tail="")
    assert second["error"][0] == "late"
    assert first["error"][0] == "BackendError"


def test_counts_beyond_the_digits_of_float32_stay_exact(on_ranks):
    script = """
from dataclasses import replace
part = ls.huber.partial(torch.ones(1), torch.zeros(1), reduction="mean")
part = replace(part, weight=2**24 + rank, count=2**24 + rank)
total = all_reduce(part)
report(weight=total.weight, count=total.count)
"""
    for (case,) in on_ranks(script):
        assert case["weight"] == case["count"] == 2**25 + 1


def test_a_group_of_some_ranks_adds_up_its_own_and_learned_parameters_get_their_gradient(on_ranks):
    script = """
groups = [dist.new_group([rank]) for rank in range(world)]
x, y = torch.tensor([3.0, 5.0][: rank + 1]), torch.zeros(rank + 1)
delta = torch.tensor(2.0, requires_grad=True)
alone = global_loss(ls.huber, x, y, delta=delta, group=groups[rank])
both = global_loss(ls.huber, x, y, delta=delta)
both.backward()
dist.all_reduce(delta.grad)
weight = torch.ones(rank + 1, requires_grad=True)
global_loss(ls.huber, x, y, sample_weight=weight).backward()
report(alone=alone, both=both, slope=delta.grad / world, weight=weight.grad / world)
"""
    # delta (|x| - delta / 2), of slope |x| - delta: 4 at x = 3 and 8 at x = 5
    found = [case for (case,) in on_ranks(script)]
    assert [case["alone"] for case in found] == [4.0, 6.0]
    for case in found:
        assert case["both"] == pytest.approx((4 + 4 + 8) / 3, rel=1e-6)
        assert case["slope"] == pytest.approx((1 + 1 + 3) / 3, rel=1e-6)
    # (l_i - mean) / weights, with delta 1: losses 2.5, 2.5 and 4.5
    mean = (2.5 + 2.5 + 4.5) / 3
    assert found[0]["weight"] == pytest.approx([(2.5 - mean) / 3], rel=1e-5)
    assert found[1]["weight"] == pytest.approx([(2.5 - mean) / 3, (4.5 - mean) / 3], rel=1e-5)


def test_a_parameter_that_is_data_on_one_rank_is_no_difference(on_ranks):
    """On the rank with one unit an array of one entry has an entry for each unit, and may differ."""
    script = """
x = torch.tensor([3.0, 5.0, 7.0][: 1 + 2 * rank])
report(value=global_loss(ls.huber, x, x * 0, delta=torch.tensor([2.0])))
"""
    for (case,) in on_ranks(script):
        assert case["value"] == pytest.approx((4 + 4 + 8 + 12) / 4, rel=1e-6)


@pytest.mark.parametrize("client", ["torch_distributed", "torch_class_shards"])
def test_an_absent_torch_names_the_extra(in_fresh_process, client):
    script = f"""
import sys; sys.modules["torch"] = None
import lossspec as ls
try:
    import lossspec.integrations.{client}
except ls.MissingExtraError as error:
    print(error)
"""
    assert 'pip install "lossspec[torch]"' in in_fresh_process(script)


def test_without_a_process_group_the_error_names_the_fix():
    from lossspec.integrations.torch_distributed import all_reduce, global_loss

    with pytest.raises(BackendError, match="init_process_group"):
        global_loss(ls.huber, np.ones(2), np.zeros(2))
    with pytest.raises(BackendError, match="init_process_group"):
        all_reduce(ls.huber.partial(np.ones(2), np.zeros(2)))
    with pytest.raises(ls.ContractError, match="`gradients` is 'avg'; it is 'mean'"):
        global_loss(ls.huber, np.ones(2), np.zeros(2), gradients="avg")


def test_what_the_page_says_of_ddp_accumulation_fsdp_and_trainers_holds(on_ranks):
    """The code of the page runs as it is, between data of this rank and the loss of the whole batch."""
    before = """
every, rows, weights = features, labels, weight
cut = [slice(0, 7), slice(7, 11)][rank]
features, labels, weight = every[cut], rows[cut], weights[cut]
model = fresh()
"""
    after_ddp = """
right = fresh()
expected = ls.cross_entropy(right(every), rows, sample_weight=weights, ignore_index=0)
expected.backward()
report(value=value, right=expected, gradient=model.weight.grad, slope=right.weight.grad)
cuts = [slice(0, 1), slice(1, features.shape[0])]
micro_batches = [(features[c], labels[c], weight[c]) for c in cuts]
"""
    after_accumulation = """
right = fresh()
expected = ls.cross_entropy(right(every), rows, sample_weight=weights)
expected.backward()
report(value=value, right=expected, gradient=model.weight.grad, slope=right.weight.grad)
naive = ls.cross_entropy(model(features), labels, sample_weight=weight)
dist.all_reduce(naive)
report(naive=naive / world, right=expected)
"""
    fsdp = """
from torch.distributed.device_mesh import init_device_mesh
mesh, model = init_device_mesh("cpu", (world,)), fresh()
"""
    after_fsdp = """
report(value=value, right=expected, gradient=model.weight.grad.full_tensor(), slope=right.weight.grad)
"""
    hugging_face = """
every = torch.arange(10) % 5
words = torch.stack([every, every.flip(0), (3 * every) % 5, every * 0 + 2])
held = torch.where(torch.rand((4, 10), generator=torch.Generator().manual_seed(0)) < 0.4, -100, words)
class Words(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.linspace(-1, 1, 25).double().reshape(5, 5).sin())
    def forward(self, tokens):
        return self.table[tokens]
model, right = Words(), Words()
ddp = DistributedDataParallel(model)
micro_batches = [[(words[:1], held[:1])], [(words[1:3], held[1:3]), (words[3:], held[3:])]][rank]
micro_batches += [] if rank else [(words[:0], held[:0])]  # as many steps on every rank
"""
    after_hugging_face = """
shifted = torch.nn.functional.cross_entropy(
    right(words)[:, :-1].reshape(-1, 5), held[:, 1:].reshape(-1), ignore_index=-100
)
shifted.backward()
report(value=0.0, right=0.0, gradient=model.table.grad, slope=right.table.grad)
"""
    script = MODEL + before + code_of("DDP") + after_ddp + code_of("Gradient accumulation") + after_accumulation
    script += fsdp + code_of("FSDP") + after_fsdp + hugging_face + code_of("Hugging Face") + after_hugging_face
    for found in on_ranks(script):
        wrong = found.pop(2)
        cases = found
        for case in cases:
            assert case["value"] == pytest.approx(case["right"], rel=1e-13)
            np.testing.assert_allclose(case["gradient"], case["slope"], rtol=1e-11, atol=1e-14)
        assert len(cases) == 4
        assert abs(wrong["naive"] - wrong["right"]) > 1e-2


def test_what_the_page_says_of_jax_holds(in_fresh_process):
    pytest.importorskip("jax")
    before = """
import os; os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import jax; jax.config.update("jax_enable_x64", True)
import numpy as np, lossspec as ls
logits, labels = np.random.default_rng(0).normal(size=(6, 3)), np.asarray([0, 2, 1, 1, 0, 2])
weight = np.asarray([9.0, 2, 3, 0.5, 0, 7])
"""
    after = """
right, slope = ls.cross_entropy.value_and_grad(logits, labels, sample_weight=weight)
np.testing.assert_allclose(value, right, rtol=1e-13)
np.testing.assert_allclose(gradient, slope, rtol=1e-12, atol=1e-15)
print(len(jax.devices()), "devices")
"""
    assert in_fresh_process(before + code_of("JAX") + after) == "2 devices"


def test_what_the_page_says_of_messages_holds():
    random = np.random.default_rng(0)
    names = {"logits": random.normal(size=(6, 3)), "labels": np.asarray([0, 2, 1, 1, 0, 2])}
    plain, of_ray = code_of("Queues, Ray and Spark").split("import ray")
    assert "work.remote" in of_ray
    exec(plain, names)  # noqa: S102 - our own page
    assert float(names["value"]) == pytest.approx(float(ls.cross_entropy(names["logits"], names["labels"])), rel=1e-14)
    assert max(map(len, names["messages"])) < 1000


def test_what_the_page_says_of_ray_holds(in_fresh_process):
    pytest.importorskip("ray", reason="Ray is not installed; the example of multiprocessing sends the same bytes")
    before = """
import warnings; warnings.simplefilter("default")
import numpy as np
logits, labels = np.random.default_rng(0).normal(size=(8, 3)), np.asarray([0, 2, 1, 1, 0, 2, 2, 2])
def load(shard):
    return logits[2 * shard : 2 * shard + 2], labels[2 * shard : 2 * shard + 2]
import ray
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
"""
    after = """
np.testing.assert_allclose(float(value), float(cross_entropy(logits, labels)), rtol=1e-14)
print(len(messages))
"""
    assert in_fresh_process(before + code_of("Queues, Ray and Spark") + after).splitlines()[-1] == "4"


def test_what_the_page_says_of_files_holds_in_the_memory_of_a_few_blocks(tmp_path):
    arrays = np.random.default_rng(0).normal(size=(2, 50 * 2**16 + 3))
    paths = [tmp_path / "predictions.npy", tmp_path / "targets.npy"]
    for path, x in zip(paths, arrays, strict=True):
        np.save(path, x)
    code, names = compile(code_of("Files larger than memory"), "scale.md", "exec"), {"paths": paths}
    tracemalloc.start()
    try:
        exec(code, names)  # noqa: S102 - our own page
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert float(names["value"]) == pytest.approx(float(ls.huber(*arrays)), rel=1e-12)
    assert len(names["blocks"]) == 51
    assert peak < 12 * 8 * names["rows"] < arrays.nbytes / 8


METRIC = """
from lossspec.conformance.peers import names_of
names_of("torch")  # torchmetrics imports torchvision, which may lie beside a Torch that it was not built for
from lossspec.integrations.torchmetrics_metric import LossMetric
scores, right = torch.arange(24.0).reshape(4, 2, 3).sin().abs(), torch.arange(24.0).reshape(4, 2, 3).cos() > 0
for loss in (ls.huber, ls.root_mean_squared_error, ls.batch_dice):
    metric = LossMetric(loss)
    for row in {0: (0, 2, 3), 1: (1,), 2: ()}[rank]:
        metric.update(scores[row : row + 1], right[row : row + 1].float())
    report(name=loss.contract.name, value=metric.compute(), right=loss(scores.double(), right.double()))
"""


@pytest.mark.thorough  # three processes import torchmetrics; tests/test_integrations_torchmetrics.py has ranks in one
def test_a_metric_of_torchmetrics_is_the_loss_of_all_ranks(on_ranks):
    """The third rank has no data."""
    for reports in on_ranks(METRIC, world=3):
        assert len(reports) == 3
        for found in reports:
            assert found["value"] == pytest.approx(found["right"], rel=1e-6), found["name"]


SHARDED = """
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from lossspec.dialects import torch as F
from lossspec.integrations.torch_module import LossModule
torch.manual_seed(0)
logits, labels, targets = torch.randn(8, 4), torch.randint(4, (8,)), torch.randn(8, 4)
mesh = init_device_mesh("cpu", (world,))
for module, other in (
    (ls.huber, targets),
    (ls.cross_entropy, labels),
    (F.cross_entropy, labels),
    (lambda x, y: ls.cross_entropy.partial(x, y).value(), labels),
    (lambda x, y: ls.cross_entropy(x, labels), labels),
    (0.5 * ls.cross_entropy + ls.z_loss, labels),
    (LossModule(ls.focal, class_weight=torch.tensor([1.0, 2.0, 3.0, 4.0]), ignore_index=1), labels),
    (ls.kl_divergence, targets.softmax(-1)),
    (ls.info_nce, targets),
    (LossModule(ls.barlow_twins), targets),
):
    for place in (Shard(0), Replicate(), Shard(1))[: other.ndim + 1]:
        x = distribute_tensor(logits, mesh, [place]).requires_grad_()
        value = module(x, distribute_tensor(other, mesh, [place]))
        value.backward()
        whole = logits.clone().requires_grad_()
        right = module(whole, other)
        right.backward()
        report(value=value.full_tensor(), right=right, gradient=x.grad.full_tensor(), slope=whole.grad)
x, soft = (distribute_tensor(x, mesh, [Shard(1)]) for x in (logits, targets.softmax(-1)))
report(error=error_of(lambda: ls.cross_entropy(x, soft)))
report(error=error_of(lambda: ls.cross_entropy.grad_hess(x, soft)))
report(error=error_of(lambda: ls.huber.grad(x.requires_grad_(), soft)))
slope = ls.info_nce.grad(*(distribute_tensor(x, mesh, [Shard(0)]) for x in (logits, targets)))
report(gradient=slope.full_tensor(), slope=ls.info_nce.grad(logits, targets))
"""


@pytest.mark.parametrize("world", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_losses_and_modules_take_tensors_that_lie_on_several_devices(on_ranks, world):
    """Positions and masks, which a body creates by itself, lie on every rank; with one rank they do not mix either.

    A coupled loss gathers the batch. What torch does not compute is refused, with what to do instead.
    """
    for *reports, refused, second, first, derived in on_ranks(SHARDED, world):
        assert len(reports) == 24
        if world > 1:
            assert re.search(r"^cross_entropy: torch does not .*Fix: give it whole tensors", refused["error"][1])
        assert re.search(r"grad_hess .*Fix: give it whole tensors", second["error"][1])
        assert re.search(r"Fix: give it x.detach\(\)", first["error"][1])
        assert np.allclose(derived["gradient"], derived["slope"], atol=1e-7)
        for found in reports:
            assert found["value"] == pytest.approx(found["right"], rel=1e-6)
            assert np.allclose(found["gradient"], found["slope"], atol=1e-7)
