"""Uses of losses from public bug reports, each with the right value, which is worked out here and never by a loss.

Every docstring begins with the report, `owner/repository#number`.
"""

from functools import partial

import mpmath as mp
import numpy as np
import pytest

import lossspec as ls
from lossspec import Mean


def log_softmax(z):
    z = np.asarray(z, dtype=float)
    top = z.max(-1, keepdims=True)
    return z - top - np.log(np.exp(z - top).sum(-1, keepdims=True))


@pytest.fixture
def near(plain):
    def check(got, right, rtol=1e-12, atol=0.0):
        np.testing.assert_allclose(plain(got), right, rtol=rtol, atol=atol)

    return check


# Compiled


@pytest.fixture
def torch(usable):
    usable("torch")
    import torch

    torch.compiler.reset()
    return torch


def counted(torch, function, **options):
    from torch._dynamo.testing import CompileCounterWithBackend

    counter = CompileCounterWithBackend("eager")
    return torch.compile(function, backend=counter, **options), counter


def test_a_compiled_loss_beside_eager_calls(torch):
    """speechbrain/speechbrain#2824, pytorch/torchtitan#2823: a compiled step of one shape, evaluation of others."""
    compiled, counter = counted(torch, ls.cross_entropy, fullgraph=True)
    for step in range(12):
        compiled(torch.randn(4, 5), torch.zeros(4, dtype=torch.int64))
        ls.cross_entropy(torch.randn(20 + step, 5), torch.zeros(20 + step, dtype=torch.int64))
    assert counter.frame_count <= 2


def test_a_compiled_loss_of_varying_batch_sizes(torch):
    """pytorch/pytorch#105279: sizes that vary from call to call; torch makes them dynamic at the second one."""
    compiled, counter = counted(torch, ls.huber, fullgraph=True)
    for n in range(4, 12):
        compiled(torch.randn(n, 5), torch.randn(n, 5))
    assert counter.frame_count <= 3


def test_export_with_a_dynamic_batch(torch):
    """pytorch/pytorch#144969: torch.export of a mean over a batch of any length."""

    class Module(torch.nn.Module):
        def forward(self, p, t):
            return ls.squared_error(p, t)

    n = torch.export.Dim("n", min=2, max=100)
    example = torch.rand(4, 5), torch.rand(4, 5)
    program = torch.export.export(Module(), example, dynamic_shapes=({0: n}, {0: n}))
    p, t = torch.rand(9, 5), torch.rand(9, 5)
    assert program.module()(p, t).item() == pytest.approx(((p - t) ** 2).mean().item(), rel=1e-5)


def test_compile_with_dynamic_sizes(torch):
    """speechbrain/speechbrain#2824: dynamic=True, because every batch has another length."""
    compiled = torch.compile(ls.huber, backend="eager", fullgraph=True, dynamic=True)
    assert compiled(torch.tensor([2.0, 0.2]), torch.zeros(2)).item() == pytest.approx((1.5 + 0.02) / 2, rel=1e-6)


def test_ctc_compiles_with_tensor_lengths(torch):
    """pytorch/pytorch#184573: CTC with lengths as tensors under a full-graph compile."""
    frames = torch.log_softmax(torch.arange(24.0, dtype=torch.float64).reshape(1, 6, 4).sin(), -1)
    arguments = frames, torch.tensor([[1, 2]]), torch.tensor([5]), torch.tensor([2])
    right = torch.nn.functional.ctc_loss(frames.transpose(0, 1), *arguments[1:], reduction="none")
    got = torch.compile(ls.ctc.per_example, backend="eager", fullgraph=True)(*arguments)
    np.testing.assert_allclose(got.numpy(), right.numpy(), rtol=1e-12)


# Mixed and half precision


def pairs(n=32, dim=64, noise=1.5):
    random = np.random.default_rng(0)
    queries = random.normal(size=(n, dim)).astype(np.float32)
    return queries, (queries + noise * random.normal(size=(n, dim))).astype(np.float32)


@pytest.mark.parametrize("temperature", [0.1, 0.02])
def test_autocast_keeps_values_and_gradients(torch, temperature):
    """huggingface/transformers#25938, Xilinx/brevitas#1496: a loss of float32 inputs inside torch.autocast."""
    q, k = pairs()
    unit = [x.astype(float) / np.linalg.norm(x.astype(float), axis=1, keepdims=True) for x in (q, k)]
    right = float(-np.diag(log_softmax(unit[0] @ unit[1].T / temperature)).mean())

    def value_and_gradient(enabled):
        x = torch.tensor(q, requires_grad=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            value = ls.info_nce(x, torch.tensor(k), temperature=temperature)
            value.backward()
        return value, x.grad

    value, gradient = value_and_gradient(True)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(right, rel=1e-4)
    assert torch.equal(gradient, value_and_gradient(False)[1])


def test_half_precision_logits_of_images(array, near, backend):
    """pytorch/pytorch#85791: float16 logits [batch classes positions], the sum of the losses beyond 65504."""
    if not hasattr(backend.namespace, "float16"):
        pytest.skip(f"not run: {backend.name} has no float16")
    random = np.random.default_rng(0)
    x, y = random.random((2, 20, 30000)).astype(np.float16), random.integers(0, 20, (2, 30000))
    right = -np.take_along_axis(log_softmax(np.moveaxis(x, 1, -1)), y[..., None], -1).mean()
    near(ls.cross_entropy(array(x), array(y), axis=1), right, 1e-5)


@pytest.mark.parametrize(
    ("name", "right"), [("dice", 1 / 3), ("batch_dice", 1 / 3), ("jaccard", 0.5), ("tversky", 1 / 3)]
)
def test_an_overlap_of_a_large_image_in_float16(array, near, backend, name, right):
    """qubvel-org/segmentation_models.pytorch#463, ultralytics/ultralytics#24554: sums of 512 x 512 beyond 65504."""
    if not hasattr(backend.namespace, "float16"):
        pytest.skip(f"not run: {backend.name} has no float16")
    p, t = np.full((1, 1, 512, 512), 0.5), np.ones((1, 1, 512, 512))
    near(ls.get(name)(array(p, "float16"), array(t, "float16")), right, 1e-6)


# Soft labels

Z, T, W = np.asarray([[2.0, 0.0, -1.0]]), np.asarray([[0.7, 0.3, 0.0]]), np.asarray([1.0, 3.0, 5.0])


def test_a_mixed_label_with_class_weights_is_the_mixture_of_the_losses(array, near):
    """clovaai/CutMix-PyTorch#37, huggingface/pytorch-image-models#46."""
    right = float((-W * T * log_softmax(Z)).sum())
    weighted = partial(ls.cross_entropy, array(Z), class_weight=array(W), reduction="sum")
    near(0.7 * weighted(array([0])) + 0.3 * weighted(array([1])), right)
    near(weighted(array(T)), right)


def test_focal_loss_of_soft_labels(array, near):
    """itakurah/focal-loss-pytorch#2: focal loss under mixup: -sum_c t_c (1 - p_c)^2 log p_c."""
    logs = log_softmax(Z)
    near(ls.focal(array(Z), array(T)), float((-T * (1 - np.exp(logs)) ** 2 * logs).sum()), 1e-9)


def test_no_error_for_soft_labels_advises_to_round_them():
    """itakurah/focal-loss-pytorch#2: converting probabilities to integers is no way out."""
    for name in ls.names():
        loss = ls.get(name)
        if loss.contract.label is None or len(loss.contract.inputs) != 2 or len(loss.contract.label.terms) > 1:
            continue
        with pytest.raises(ls.LossSpecError) as caught:
            loss(Z, T)
        assert "astype" not in str(caught.value), name


# Entries that do not count


def void():
    random = np.random.default_rng(3)
    z, y = random.normal(size=(1, 3, 4, 4)), random.integers(0, 3, (1, 4, 4))
    left_out = random.random((1, 4, 4)) < 0.4
    keep = ~left_out[0]
    return z, np.where(left_out, 255, y), z[:, :, keep], y[:, keep]


def test_dice_and_cross_entropy_with_void_pixels(array, near):
    """MIC-DKFZ/nnUNet#760, open-mmlab/mmsegmentation#2996: unlabelled pixels (255) are as if they were not there."""
    z, y, kept_z, kept_y = void()
    p, one_hot = np.exp(log_softmax(np.moveaxis(kept_z, 1, -1)))[0], np.eye(3)[kept_y[0]]
    dice = 1 - 2 * (p * one_hot).sum(0) / (p.sum(0) + one_hot.sum(0))
    right = dice.mean() - np.log((p * one_hot).sum(-1)).mean()
    near(ls.combo(array(kept_z), array(kept_y)), right)
    near(ls.combo(array(z), array(y), ignore_index=255), right)


def test_dice_with_a_mask_of_pixels(array, near):
    """MIC-DKFZ/nnUNet#760: labels on some slices only; NaN under the mask does not matter."""
    p, t = np.asarray([[[0.8, 0.3, 0.6, np.nan]]]), np.asarray([[[1.0, 0.0, 1.0, 1.0]]])
    mask = np.asarray([[True, True, False, False]])
    near(ls.dice(array(p), array(t), where_entries=array(mask)), 1 - 2 * 0.8 / (1.1 + 1.0))


def test_dice_of_masked_products(array, near):
    """open-mmlab/mmsegmentation#2996: prediction (0, 0, 0), target (0, 0, 1), nothing valid: 0, theirs was 0.5."""
    nothing = array(np.zeros((1, 1, 3)))
    near(ls.dice(nothing, array([[[0.0, 0.0, 1.0]]]) * nothing), 0.0)
    p, t, m = (array([[row]]) for row in ([0.8, 0.3, 0.6], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]))
    near(ls.dice(p * m, t * m), 1 - 1.6 / 2.1)


def test_a_batch_of_void_pixels_only(array, near):
    """ultralytics/ultralytics#25096: every label is 255; with empty=0.0 the loss and its gradient are 0."""
    z, y = np.random.default_rng(0).normal(size=(1, 3, 4, 4)), np.full((1, 4, 4), 255, np.uint8)
    value, gradient = ls.cross_entropy.value_and_grad(array(z), array(y), axis=1, ignore_index=255, empty=0.0)
    near(value, 0.0)
    near(gradient, np.zeros_like(z))


def test_where_selects_examples(array, plain, near):
    """google-deepmind/optax#1335: masked examples with NaN in them have no value and no gradient."""
    z = array([[1.0, 2.0], [np.nan, np.nan], [0.0, 3.0]])
    value, gradient = ls.cross_entropy.value_and_grad(z, array([0, 1, 0]), where=array([True, False, True]))
    near(value, (np.log1p(np.exp(1.0)) + np.log1p(np.exp(3.0))) / 2)
    assert np.all(plain(gradient)[1] == 0)


def test_nan_outside_of_the_mask_is_seen(array, plain, near):
    """ai2cm/ace#595: land is masked, weights go with latitude; NaN at sea must not vanish."""
    p = np.zeros((1, 2, 3, 4))
    t = p + 1.0
    t[0, :, 0, 0] = np.nan
    bad = p.copy()
    bad[0, 1, 2, 2] = np.nan
    weight = array(np.asarray([0.5, 1.0, 0.5]).reshape(1, 1, 3, 1))
    options = {"where": array(~np.isnan(t)), "sample_weight": weight}
    near(ls.squared_error(array(p), array(t), **options), 1.0)
    assert np.isnan(plain(ls.squared_error(array(bad), array(t), **options)))


# Parameters, partials, reductions


def test_several_quantiles_at_once(array, near):
    """torch-uncertainty/torch-uncertainty#328, ml-stat-Sustech/TorchCP#27: levels [1 q], predictions [n q]."""
    p, y = np.asarray([[0.0, 1.0, 3.0], [1.0, 1.0, 1.0]]), np.asarray([[1.0] * 3, [2.0] * 3])
    levels = np.asarray([[0.1, 0.5, 0.9]])  # by hand: (0.1 + 0 + 0.2 + 0.1 + 0.5 + 0.9) / 6
    near(ls.quantile(array(p), array(y), level=array(levels)), 0.3)


def shards():
    random = np.random.default_rng(0)
    z, y = random.normal(size=(6, 4)), np.asarray([0, -100, 1, 2, -100, -100])
    logs = log_softmax(z)
    return z.reshape(3, 2, 4), y.reshape(3, 2), -np.mean([logs[i, y[i]] for i in (0, 2, 3)])


def test_micro_batches_of_unequal_token_counts(array, near):
    """karpathy/nanochat#400: partials add up to the loss of the whole batch."""
    z, y, right = shards()
    parts = [ls.cross_entropy.partial(array(a), array(b), ignore_index=-100) for a, b in zip(z, y, strict=True)]
    near(sum(parts).value(), right)


def test_micro_batches_in_a_scan(usable):
    """ml-explore/mlx-lm#1544, AI-Hypercomputer/maxtext#4255: the state is the carry of lax.scan."""
    usable("jax")
    import jax

    z, y, right = shards()

    def step(total, shard):
        return total + ls.cross_entropy.partial(*shard, ignore_index=-100), None

    z, y = jax.numpy.asarray(z), jax.numpy.asarray(y)
    first = ls.cross_entropy.partial(z[0], y[0], ignore_index=-100)
    total, _ = jax.lax.scan(step, first, (z[1:], y[1:]))
    assert float(total.value()) == pytest.approx(right, rel=1e-12)


def test_the_mean_of_sequence_means_of_packed_rows(array, near):
    """google/tunix#1662, NVIDIA-NeMo/Speech#14437: rows hold several sequences; every sequence counts the same."""
    tokens = np.asarray([[1.0, 2.0, 3.0, 10.0], [4.0, 6.0, 0.0, 0.0]])
    segment = np.asarray([[1, 1, 1, 2], [3, 3, 0, 0]])
    weight = np.where(segment > 0, 1 / np.maximum(np.bincount(segment.ravel())[segment], 1), 0.0)
    options = {"where": array(segment > 0), "sample_weight": array(weight), "reduction": Mean(over=3)}
    near(ls.absolute_error(array(tokens), array(0 * tokens), **options), (2.0 + 10.0 + 5.0) / 3)


def test_beta_nll_by_detached_weights(torch):
    """awslabs/gluonts#1962: each term times the detached variance to the power of beta, the mean over the count."""
    m, v, t = torch.tensor([0.0, 1.0]).requires_grad_(), torch.tensor([4.0, 0.25]), torch.tensor([2.0, 2.0])
    got = ls.gaussian_nll(m, t, v, sample_weight=v.detach() ** 0.5, reduction="count_mean")
    got.backward()
    right = (2.0 * (np.log(4.0) + 1.0) / 2 + 0.5 * (np.log(0.25) + 4.0) / 2) / 2
    assert got.item() == pytest.approx(right, rel=1e-6)
    assert m.grad.tolist() == pytest.approx([-0.5, -1.0], rel=1e-6)


# 0 times infinity, and small numbers


def test_an_impossible_action_without_advantage(array, near):
    """radixark/miles#1363: 0 times infinity."""
    near(ls.policy_gradient(array([-np.inf, -1.0]), array([0.0, 1.0])), 0.5)


def test_an_overflowing_ratio_with_advantage_zero(array, near):
    """radixark/miles#1363, OpenRLHF/OpenRLHF#1314: exp(200) in float32, without advantage or clipped."""
    new, old, advantage = (array(x, "float32") for x in ([-0.1, -0.2, -0.3], [-200.0, -0.2, -200.0], [0.0, 1.0, 1.0]))
    value, gradient = ls.ppo_clip.value_and_grad(new, old, advantage)
    near(value, -(0.0 + 1.0 + 1.2) / 3, 1e-6)
    near(gradient, [0.0, -1 / 3, 0.0], 1e-6)


def test_focal_with_gamma_zero_has_the_gradient_of_cross_entropy(array, near):
    """tensorflow/tensorflow#70326: logits (-2, 0.3, 19), targets (0, 1, 1), gamma 0: theirs was NaN."""
    z, t = (-2.0, 0.3, 19.0), (0.0, 1.0, 1.0)
    with mp.workdps(50):
        gradients = [float((1 / (1 + mp.exp(-mp.mpf(x))) - mp.mpf(y)) / 3) for x, y in zip(z, t, strict=True)]
        right = float(sum(mp.log1p(mp.exp(mp.mpf(-x if y else x))) for x, y in zip(z, t, strict=True)) / 3)
    value, gradient = ls.sigmoid_focal.value_and_grad(array(z), array(t), gamma=0.0)
    near(value, right)
    near(gradient, gradients)


def test_ssim_of_nearly_equal_flat_images(array, near):
    """rahul-goel/fused-ssim#37: 0.6 against 0.6 + 1e-7 in float32: (a - b)^2 / (a^2 + b^2 + c1), and not below 0."""
    a = np.full((1, 3, 11, 11), 0.6, np.float32)
    b = (a + np.float32(1e-7)).astype(np.float32)
    x, y = mp.mpf(float(a[0, 0, 0, 0])), mp.mpf(float(b[0, 0, 0, 0]))
    near(ls.ssim(array(a), array(b)), float((x - y) ** 2 / (x * x + y * y + mp.mpf("1e-4"))), 1e-4)


def test_an_anchor_without_positive(array, near):
    """HobbitLong/SupContrast#141: labels (0, 1, 1, 3): theirs was NaN for the first and the last."""
    x, y = np.random.default_rng(0).normal(size=(4, 3)), np.asarray([0, 1, 1, 3])
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    s = unit @ unit.T / 0.8
    right = [0.0, *(np.log(sum(np.exp(s[i, j]) for j in range(4) if j != i)) - s[1, 2] for i in (1, 2)), 0.0]
    near(ls.supervised_contrastive.per_example(array(x), array(y), temperature=0.8), right)


@pytest.mark.parametrize("width", [2, 3, 6])
def test_listmle_does_not_see_padding(array, near, width):
    """huggingface/sentence-transformers#3827: scores (1.5, 0.3), grades (2, 1): the same at every padded width."""
    slope = float(1 / (1 + mp.exp(mp.mpf("1.2"))))
    s, y = np.full((1, width), -np.inf), np.zeros((1, width))
    s[0, :2], y[0, :2] = (1.5, 0.3), (2, 1)
    value, gradient = ls.listmle.value_and_grad(array(s), array(y))
    near(value, float(mp.log1p(mp.exp(mp.mpf("0.3") - mp.mpf("1.5")))))
    near(gradient, [[-slope, slope, *[0.0] * (width - 2)]])
