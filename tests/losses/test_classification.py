"""The losses of classification: closed forms, digits, edges, derivatives, bounds, names, and what is refused."""

import math

import numpy as np
import pytest

import lossspec as ls
from lossspec.errors import ContractError, DTypeError
from lossspec.numerics import log_odds

inf, nan = math.inf, math.nan
log2 = math.log(2)
EPS = float(np.finfo(np.float64).eps)


def near(got, exact, units=4.0):
    """Within a few units in the last place of the exact numbers, infinities included."""
    got, exact = np.asarray(got, dtype=np.float64), np.asarray(exact, dtype=np.float64)
    return got.shape == exact.shape and bool(np.all((got == exact) | (np.abs(got - exact) <= units * EPS * abs(exact))))


def each(backend, loss, *inputs, **options):
    """The unreduced losses as a NumPy array."""
    return backend.to_numpy(loss.per_example(*map(put(backend), inputs), **options))


def put(backend):
    def array(x):
        if isinstance(x, list) and x and isinstance(x[0], np.ndarray):
            return [array(item) for item in x]
        x = np.asarray(x)
        return backend.from_numpy(x)

    return array


def gradients(backend, loss, *inputs, wrt, **options):
    """The gradients of the sum as NumPy arrays."""
    given = map(put(backend), inputs)
    return [backend.to_numpy(g) for g in loss.grad(*given, wrt=wrt, reduction="sum", **options)]


def softmax(z):
    return [math.exp(x) / math.fsum(map(math.exp, z)) for x in z]


# Closed forms.

Z, P = [[0.0, log2, 0.0]], [[0.25, 0.5, 0.25]]  # softmax of the first is the second

CLOSED = {
    "nll": (ls.nll, ([[-0.25, -1.5]], [1]), {}, [1.5]),
    "nll of a distribution": (ls.nll, ([[-0.25, -1.5, -inf]], [[0.25, 0.75, 0.0]]), {}, [1.1875]),
    "categorical cross entropy": (ls.categorical_cross_entropy, (P, [0]), {}, [2 * log2]),
    "categorical cross entropy of a distribution": (ls.categorical_cross_entropy, (P, P), {}, [1.5 * log2]),
    "binary cross entropy": (ls.binary_cross_entropy, ([0.25], [0.5]), {}, [log2 - math.log(0.75) / 2]),
    "focal": (ls.focal, (Z, [0]), {}, [0.75**2 * 2 * log2]),
    "focal, gamma": (ls.focal, (Z, [1]), {"gamma": 0.5}, [math.sqrt(0.5) * log2]),
    "focal, alpha of all classes": (ls.focal, (Z, [1]), {"alpha": 0.25}, [0.25 * 0.25 * log2]),
    "focal, alpha by class": (ls.focal, (Z, [0]), {"alpha": np.asarray([3.0, 1.0, 2.0])}, [3 * 0.75**2 * 2 * log2]),
    "focal of a distribution": (ls.focal, (Z, P), {}, [0.5 * 0.75**2 * 2 * log2 + 0.5 * 0.25 * log2]),
    "focal of a distribution, alpha by class": (
        ls.focal,
        (Z, P),
        {"alpha": np.asarray([3.0, 1.0, 2.0])},
        [0.25 * 5 * 0.75**2 * 2 * log2 + 0.5 * 0.25 * log2],
    ),
    "sigmoid focal": (ls.sigmoid_focal, ([0.0, 0.0], [1.0, 0.0]), {}, [log2 / 4, log2 / 4]),
    "sigmoid focal, alpha": (ls.sigmoid_focal, ([0.0, 0.0], [1.0, 0.0]), {"alpha": 0.25}, [log2 / 16, 3 * log2 / 16]),
    "sigmoid focal of 1/4": (
        ls.sigmoid_focal,
        ([math.log(3)], [0.25]),
        {"gamma": 1.0},
        [(0.25 * 0.25 + 0.75 * 0.75) * (0.75 * math.log(4) - 0.25 * math.log(0.75))],
    ),
    "poly-1": (ls.poly1_cross_entropy, (Z, [0]), {}, [2 * log2 + 2 * 0.75]),
    "poly-1 of a distribution": (
        ls.poly1_cross_entropy,
        (Z, P),
        {"epsilon": -1.0},
        [1.5 * log2 - 0.5 * 0.5 - 2 * 0.25 * 0.75],
    ),
    "generalized cross entropy": (ls.generalized_cross_entropy, (P, [0]), {"q": 0.5}, [1.0]),
    "generalized cross entropy with logits": (
        ls.generalized_cross_entropy_with_logits,
        (Z, [1]),
        {"q": 0.5},
        [2 - 2 * math.sqrt(0.5)],
    ),
    "generalized cross entropy of a distribution": (
        ls.generalized_cross_entropy,
        (P, P),
        {"q": 0.5},
        [0.5 + 0.5 * (2 - 2 * math.sqrt(0.5))],
    ),
    "generalized cross entropy with logits of a distribution": (
        ls.generalized_cross_entropy_with_logits,
        (Z, P),
        {"q": 0.5},
        [0.5 + 0.5 * (2 - 2 * math.sqrt(0.5))],
    ),
    "rescaled square": (ls.rescaled_square, ([[2.0, 1.0, -3.0]], [0]), {"k": 3.0, "m": 4.0}, [(3 * 4 + 1 + 9) / 3]),
    "squentropy": (ls.squentropy, (Z, [0]), {}, [2 * log2 + log2**2 / 2]),
    "squentropy of a distribution": (ls.squentropy, (Z, [[0.5, 0.5, 0.0]]), {}, [1.5 * log2 + log2**2 / 4]),
    "squentropy of one class": (ls.squentropy, ([[7.0]], [0]), {}, [0.0]),
    "exponential": (ls.exponential, ([log2, log2], [1.0, 0.25]), {}, [0.5, 0.25 * 0.5 + 0.75 * 2]),
    "sparsemax within the margin": (ls.sparsemax, ([[0.5, 0.25, -3.0]], [1]), {}, [0.625**2]),
    "sparsemax beyond it": (ls.sparsemax, ([[1.0, 0.0, 0.25], [0.0, 3.0, 0.0]], [0, 0]), {}, [0.125**2, 3.0]),
    "sparsemax of all alike": (ls.sparsemax, ([[5.0] * 4], [2]), {}, [0.5 * (0.75**2 + 3 * 0.25**2)]),
    "sparsemax of a distribution": (ls.sparsemax, ([[0.5, 0.25, -3.0]], [[0.25, 0.25, 0.5]]), {}, [1.640625]),
    "sparsemax of its own probabilities": (ls.sparsemax, ([[0.5, 0.25, -3.0]], [[0.625, 0.375, 0.0]]), {}, [0.0]),
    "binary sparsemax": (
        ls.binary_sparsemax,
        ([-2.0, -0.5, 0.5, 2.0], [1.0] * 4),
        {},
        [2.0, 0.75**2, 0.25**2, 0.0],
    ),
    "binary sparsemax of 1/4": (ls.binary_sparsemax, ([-0.5, 0.0, 3.0], [0.25] * 3), {}, [0.0, 1 / 16, 33 / 16]),
    "z loss": (ls.z_loss, ([[math.log(3), 0.0]],), {}, [(2 * log2) ** 2]),
    "brier": (ls.brier, (P, [0]), {}, [0.75**2 + 0.25 + 0.25**2]),
    "brier, half": (ls.brier, (P, [1]), {"scale_by_half": True}, [(0.25 + 2 * 0.25**2) / 2]),
    "brier of a distribution": (ls.brier, (P, [[0.5, 0.5, 0.0]]), {}, [2 * 0.25**2]),
    "binary brier": (ls.binary_brier, ([0.25, 0.25], [1.0, 0.5]), {}, [0.75**2, 0.25**2]),
}


@pytest.mark.parametrize(("loss", "inputs", "options", "exact"), CLOSED.values(), ids=CLOSED)
def test_a_closed_form(backend, loss, inputs, options, exact):
    options = {key: put(backend)(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}
    assert near(each(backend, loss, *inputs, **options), exact, 8)


# Small losses keep their digits.

EXCESS = math.log1p(math.exp(-30))
MISSED = 1 / (1 + math.exp(30))


@pytest.mark.parametrize(
    ("loss", "options", "exact"),
    [
        (ls.focal, {}, MISSED**2 * EXCESS),
        (ls.focal, {"gamma": 0.5}, MISSED**0.5 * EXCESS),
        (ls.poly1_cross_entropy, {}, EXCESS + 2 * MISSED),
        (ls.generalized_cross_entropy_with_logits, {"q": 1.0}, MISSED),
        (ls.generalized_cross_entropy_with_logits, {"q": 1e-8}, EXCESS),
        (ls.squentropy, {}, EXCESS),
    ],
)
def test_a_sure_and_right_answer_has_every_digit_of_its_loss(backend, loss, options, exact):
    assert near(
        each(backend, loss, [[30.0, 0.0]], [0], **options), [exact], 30
    )  # a last digit of the logit moves it so


def test_little_q_is_cross_entropy(backend):
    (small,) = each(backend, ls.generalized_cross_entropy_with_logits, [[0.0, 20.0]], [0], q=1e-12)
    assert abs(small - (20 + math.log1p(math.exp(-20)))) <= 1e-12 * 20**2
    (small,) = each(backend, ls.generalized_cross_entropy, [[0.25, 0.75]], [0], q=1e-12)
    assert abs(small - math.log(4)) <= 1e-12 * math.log(4) ** 2


def test_focal_without_focus_is_cross_entropy_with_its_second_derivatives(backend):
    logits, labels = put(backend)([[0.0, 40.0, -3.0]]), put(backend)([0])
    gradient, hessian = ls.focal.configured(gamma=0.0).grad_hess(logits, labels)
    p = softmax([0.0, 40.0, -3.0])
    assert near(backend.to_numpy(gradient), [[p[0] - 1, p[1], p[2]]])
    assert near(backend.to_numpy(hessian), [[p[0] * (p[1] + p[2]), p[1] * (p[0] + p[2]), p[2] * (p[0] + p[1])]])


def test_a_power_below_one_of_a_probability_that_rounds_to_one_has_a_gradient(backend):
    p, missed, excess = 1 / (1 + math.exp(-40)), 1 / (1 + math.exp(40)), math.log1p(math.exp(-40))
    found = gradients(backend, ls.sigmoid_focal, [40.0], [1.0], wrt=("logits", "targets"), gamma=0.5)
    assert near(found[0], [-(missed**0.5) * (0.5 * p * excess + missed)])
    # The factor falls with the target as sqrt does: d(missed_t)/dt = missed - p, times 1/2 of missed^(-1/2).
    assert near(found[1], [0.5 * missed**-0.5 * (missed - p) * excess - 40 * missed**0.5])


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_losses_that_underflow_have_no_gradient_but_a_finite_one(backend, gamma):
    for loss, inputs in ((ls.focal, ([[1e4, 0.0]], [0])), (ls.sigmoid_focal, ([1e4], [1.0]))):
        assert each(backend, loss, *inputs, gamma=gamma)[0] == 0
        (gradient,) = gradients(backend, loss, *inputs, wrt=("logits",), gamma=gamma)
        assert np.all(gradient == 0)


# Edges.


def test_a_class_that_is_ruled_out(backend):
    ruled_out = [[-inf, 0.0]]
    for loss, least in ((ls.focal, inf), (ls.poly1_cross_entropy, inf), (ls.sparsemax, inf)):
        assert each(backend, loss, ruled_out, [0])[0] == least
        assert each(backend, loss, ruled_out, [1])[0] == 0
        (gradient,) = gradients(backend, loss, ruled_out, [1], wrt=("logits",))
        assert np.all(gradient == 0)
    assert near(each(backend, ls.generalized_cross_entropy_with_logits, ruled_out, [0], q=0.25), [4.0])
    assert near(each(backend, ls.z_loss, [[-inf, 3.0]]), [9.0])
    (gradient,) = gradients(backend, ls.focal, ruled_out, [0], wrt=("logits",))
    assert np.all(gradient == 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_squares_beyond_the_largest_number_count_where_a_class_has_them(backend, dtype):
    far = math.sqrt(float(np.finfo(dtype).max)) * 4
    logits = backend.from_numpy(np.asarray([[far, 0, 1], [far, far, 0], [-far, 2, 0]], dtype))
    labels = backend.from_numpy(np.asarray([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0]], dtype))
    found = backend.to_numpy(ls.squentropy.per_example(logits, labels))
    assert found.tolist() == [0.5, math.inf, math.inf]
    _, gradient = ls.squentropy.value_and_grad(logits[:1, :], labels[:1, :], wrt="logits")
    assert backend.to_numpy(gradient).tolist() == [[0.0, 0.0, 1.0]]


def test_a_single_class_is_sure(backend):
    odds = log_odds(put(backend)([[2.0]]), put(backend)([0]))
    assert backend.to_numpy(odds)[0] == inf
    for loss in (ls.focal, ls.poly1_cross_entropy, ls.sparsemax, ls.generalized_cross_entropy_with_logits):
        assert each(backend, loss, [[2.0]], [0])[0] == 0
        (gradient,) = gradients(backend, loss, [[2.0]], [0], wrt=("logits",))
        assert gradient[0, 0] == 0


def test_a_probability_of_zero_is_infinite_and_has_the_declared_derivative(backend):
    assert each(backend, ls.nll, [[-inf, 0.0]], [0])[0] == inf
    assert gradients(backend, ls.nll, [[-inf, 0.0]], [0], wrt=("log_probabilities",))[0].tolist() == [[-1.0, 0.0]]

    p = [[0.0, 0.5, 0.5]]
    assert each(backend, ls.categorical_cross_entropy, p, [0])[0] == inf
    assert np.all(gradients(backend, ls.categorical_cross_entropy, p, [0], wrt=("probabilities",))[0] == 0)
    t = [[0.0, 1.0, 0.0]]
    assert near(each(backend, ls.categorical_cross_entropy, p, t), [log2])
    of_p, of_t = gradients(backend, ls.categorical_cross_entropy, p, t, wrt=("probabilities", "labels"))
    assert of_p.tolist() == [[0.0, -2.0, 0.0]]
    assert near(of_t, [[0.0, log2, log2]])
    assert each(backend, ls.categorical_cross_entropy, p, [[0.5, 0.5, 0.0]])[0] == inf

    assert each(backend, ls.binary_cross_entropy, [0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.5, 0.0]).tolist() == [
        0,
        0,
        inf,
        inf,
    ]
    (gradient,) = gradients(
        backend, ls.binary_cross_entropy, [0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.5, 0.0], wrt=("probabilities",)
    )
    assert gradient.tolist() == [1.0, -1.0, 0.5, 0.0]

    assert each(backend, ls.generalized_cross_entropy, p, [0], q=0.25)[0] == 4
    assert np.all(gradients(backend, ls.generalized_cross_entropy, p, [0], wrt=("probabilities",), q=0.25)[0] == 0)


def test_nothing_is_clipped_or_normalised(backend):
    assert each(backend, ls.binary_cross_entropy, [1e-300], [1.0])[0] == -math.log(1e-300)
    assert near(each(backend, ls.categorical_cross_entropy, [[0.2, 0.2]], [0]), [math.log(5)])


def test_an_exponential_that_overflows_without_weight_is_nothing(backend):
    with np.errstate(over="ignore"):
        assert each(backend, ls.exponential, [1e4, 1e4], [1.0, 0.0]).tolist() == [0.0, inf]
        found = gradients(backend, ls.exponential, [1e4], [1.0], wrt=("logits", "targets"))
    assert [g.tolist() for g in found] == [[0.0], [0.0]]


def test_the_gradient_of_sparsemax_is_its_probabilities_less_the_label(backend):
    logits = [[0.5, 0.25, -3.0], [0.0, 3.0, 0.0]]  # probabilities (5/8, 3/8, 0) and (0, 1, 0)
    (gradient,) = gradients(backend, ls.sparsemax, logits, [1, 0], wrt=("logits",))
    assert gradient.tolist() == [[0.625, -0.625, 0.0], [-1.0, 1.0, 0.0]]
    (gradient,) = gradients(backend, ls.binary_sparsemax, [-2.0, 0.5, 2.0, 3.0], [1.0, 1.0, 1.0, 0.25], wrt=("logits",))
    assert gradient.tolist() == [-1.0, -0.25, 0.0, 0.75]


def test_the_sparse_losses_of_two_classes_agree(backend):
    difference = np.asarray([-3.0, -1.0, -0.25, 0.0, 0.75, 1.0, 2.5])
    pairs = np.stack([np.zeros_like(difference), difference], axis=-1)
    for label in (0, 1):
        two = each(backend, ls.sparsemax, pairs, np.full(7, label))
        one = each(backend, ls.binary_sparsemax, difference, np.full(7, float(label)))
        assert np.allclose(two, one, rtol=4 * EPS, atol=4 * EPS)


# L-Softmax.


def turned(angle, length=1.0):
    return [[length * math.cos(angle), length * math.sin(angle)]]


@pytest.mark.parametrize("margin", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("angle", [0.0, 0.3, 1.2, 1.6, 2.5, 3.1])
def test_the_angle_to_the_label_counts_margin_times(backend, margin, angle):
    wraps = math.floor(margin * angle / math.pi)
    own = 2 * 1.5 * ((-1) ** wraps * math.cos(margin * angle) - 2 * wraps)
    other = -2 * 0.5 * math.sin(angle)
    weights = [[1.5, 0.0], [0.0, -0.5]]
    (found,) = each(backend, ls.large_margin_softmax, turned(angle, 2.0), [0], weights, margin=margin)
    assert abs(found - math.log1p(math.exp(other - own))) <= 64 * EPS * max(1.0, found)


def test_a_margin_of_one_is_cross_entropy_of_the_linear_layer(backend):
    random = np.random.default_rng(0)
    x, w, y = random.normal(size=(6, 3)), random.normal(size=(4, 3)), random.integers(0, 4, 6)
    plain = each(backend, ls.cross_entropy, x @ w.T, y)
    assert np.allclose(each(backend, ls.large_margin_softmax, x, y, w, margin=1), plain, rtol=1e-13)
    for margin in (2, 3, 4):
        assert np.all(each(backend, ls.large_margin_softmax, x, y, w, margin=margin) >= plain)


def test_vectors_of_length_zero_have_the_gradient_of_cross_entropy(backend):
    w = [[3.0, 0.0], [0.0, 1.0]]
    x, v = gradients(backend, ls.large_margin_softmax, [[0.0, 0.0]], [0], w, wrt=("features", "weights"), margin=4)
    assert near(x, [[-1.5, 0.5]])
    assert np.all(v == 0)
    w = [[0.0, 0.0], [0.0, 1.0]]
    x, v = gradients(backend, ls.large_margin_softmax, [[2.0, 0.0]], [0], w, wrt=("features", "weights"), margin=4)
    assert near(x, [[0.0, 0.5]])
    assert near(v, [[-1.0, 0.0], [1.0, 0.0]])


# Adaptive softmax.


def clusters(seed=0):
    random = np.random.default_rng(seed)
    sizes = (2, 3)
    head = random.normal(size=(3 + len(sizes), 4))
    return (
        head,
        [random.normal(size=(2, 4)), random.normal(size=(1, 4))],
        [
            random.normal(size=(sizes[0], 2)),
            random.normal(size=(sizes[1], 1)),
        ],
    )


def test_the_adaptive_softmax_is_a_distribution_whose_logarithms_are_the_losses(backend):
    x, layers = np.random.default_rng(1).normal(size=(5, 4)), clusters()
    given = [put(backend)(layer) for layer in layers]
    every = backend.to_numpy(ls.adaptive_log_probabilities(put(backend)(x), *given))
    assert every.shape == (5, 8)
    assert np.allclose(np.exp(every).sum(axis=-1), 1, rtol=1e-14)
    for label in range(8):
        losses = each(backend, ls.adaptive_log_softmax, x, np.full(5, label), *layers)
        assert np.allclose(losses, -every[:, label], rtol=1e-13)


def test_a_class_of_a_cluster_takes_two_steps(backend):
    head = np.asarray([[0.0], [0.0], [log2]])  # probabilities 1/4, 1/4, and 1/2 for the only cluster
    down, up = np.asarray([[1.0]]), np.asarray([[0.0], [math.log(3)]])  # 1/4 and 3/4 in it
    losses = each(backend, ls.adaptive_log_softmax, [[1.0]] * 4, [0, 1, 2, 3], head, [down], [up])
    assert np.allclose(losses, [math.log(4), math.log(4), math.log(8), math.log(8 / 3)], rtol=4 * EPS)


def test_a_label_beyond_the_clusters_is_nan_and_named(backend):
    x, layers = np.ones((3, 4)), clusters()
    losses = each(backend, ls.adaptive_log_softmax, x, [7, 8, -1], *layers)
    assert np.isnan(losses).tolist() == [False, True, True]
    with ls.checking("values"), pytest.raises(ContractError, match=r"`labels` holds 8 at index \(1,\); .* `head`"):
        each(backend, ls.adaptive_log_softmax, x, [7, 8, 0], *layers)


def test_a_head_of_clusters_alone_is_refused():
    head, down, up = clusters()
    with pytest.raises(ContractError, match="2 rows for 2 clusters"):
        ls.adaptive_log_softmax(np.ones((1, 4)), np.asarray([0]), head[:2], down, up)
    with pytest.raises(ContractError, match="pair up"):
        ls.adaptive_log_softmax(np.ones((1, 4)), np.asarray([0]), head, down[:1], up)


# Bounds and shapes of the losses.

LABELLED = (
    ls.focal,
    ls.poly1_cross_entropy,
    ls.generalized_cross_entropy_with_logits,
    ls.rescaled_square,
    ls.squentropy,
    ls.sparsemax,
)


@pytest.mark.parametrize("loss", [ls.rescaled_square, ls.squentropy, ls.sparsemax], ids=lambda x: x.contract.name)
def test_convexity_in_the_logits(loss):
    random = np.random.default_rng(2)
    a, b, labels = 4 * random.normal(size=(500, 3)), 4 * random.normal(size=(500, 3)), random.integers(0, 3, 500)
    middle, ends = loss.per_example((a + b) / 2, labels), [loss.per_example(x, labels) for x in (a, b)]
    assert np.all(middle <= (ends[0] + ends[1]) / 2 + 1e-12)


@pytest.mark.parametrize("loss", [ls.exponential, ls.binary_sparsemax], ids=lambda x: x.contract.name)
def test_convexity_in_a_logit(loss):
    random = np.random.default_rng(3)
    a, b, targets = 3 * random.normal(size=500), 3 * random.normal(size=500), random.random(500)
    middle, ends = loss.per_example((a + b) / 2, targets), [loss.per_example(x, targets) for x in (a, b)]
    assert np.all(middle <= (ends[0] + ends[1]) / 2 + 1e-12)


def test_focal_is_not_convex():
    logits = np.asarray([[0.0, 1.5], [0.0, 8.0], [0.0, 4.75]])
    low, high, middle = ls.focal.per_example(logits, np.asarray([0, 0, 0]))
    assert middle > (low + high) / 2


def test_bounds():
    random = np.random.default_rng(4)
    logits, labels = 20 * random.normal(size=(500, 3)), random.integers(0, 3, 500)
    for q in (0.25, 0.7, 1.0):
        values = ls.generalized_cross_entropy_with_logits.per_example(logits, labels, q=q)
        assert np.all((values >= 0) & (values <= 1 / q))
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    values = ls.brier.per_example(p, labels)
    assert np.all((values >= 0) & (values <= 2 + 1e-12))
    twice = ls.brier.per_example(np.stack([1 - p[:, 0], p[:, 0]], axis=-1), (labels == 0).astype(int))
    assert np.allclose(twice, 2 * ls.binary_brier.per_example(p[:, 0], (labels == 0).astype(float)), rtol=1e-12)


def test_z_loss_is_added_with_its_factor():
    logits, labels = np.asarray([[math.log(3), 0.0]]), np.asarray([0])
    value = (ls.cross_entropy + 1e-4 * ls.z_loss)(logits, labels)
    assert abs(value - (math.log(4 / 3) + 1e-4 * (2 * log2) ** 2)) <= 4 * EPS


# Weights, ignored and invalid labels.


def test_the_balance_of_classes_is_in_no_denominator_and_their_weight_is():
    logits, labels, balance = np.zeros((2, 2)), np.asarray([0, 1]), np.asarray([3.0, 1.0])
    assert near(ls.focal(logits, labels, alpha=balance), 2 * log2 / 4)
    assert near(ls.focal(logits, labels, class_weight=balance), log2 / 4)
    assert near(ls.focal(logits, labels, class_weight=balance, reduction="count_mean"), 2 * log2 / 4)


def test_the_mean_of_nll_is_over_labels_that_count():
    log_p, labels = np.asarray([[-1.0, -2.0], [-3.0, -4.0], [-5.0, nan]]), np.asarray([0, 1, -100])
    assert ls.nll(log_p, labels, ignore_index=-100) == 2.5
    assert ls.nll(log_p, labels, ignore_index=-100, class_weight=np.asarray([1.0, 3.0])) == 13 / 4


@pytest.mark.parametrize("loss", LABELLED, ids=lambda x: x.contract.name)
def test_a_label_out_of_range_is_nan_in_its_own_unit(backend, loss):
    losses = each(backend, loss, np.zeros((3, 2)), [0, 2, -1])
    assert np.isnan(losses).tolist() == [False, True, True]
    with ls.checking("values"), pytest.raises(ContractError, match=r"`labels` holds 2 at index \(1,\)"):
        each(backend, loss, np.zeros((3, 2)), [0, 2, 0])


def test_the_perplexity_of_soft_labels_is_that_of_the_cross_entropy(backend):
    array = put(backend)
    value = ls.perplexity(
        array(Z + Z), array([[0.25, 0.5, 0.25], [0.0, 1.0, 0.0]]), class_weight=array([1.0, 2.0, 1.0])
    )
    assert math.isclose(
        float(backend.to_numpy(value)), math.exp((0.5 * 2 * log2 + log2 + 2 * log2) / 3.5), rel_tol=1e-14
    )


@pytest.mark.parametrize(
    "name",
    ["focal", "poly1_cross_entropy", "generalized_cross_entropy_with_logits", "squentropy", "sparsemax"],
)
@pytest.mark.parametrize("size", [0.0, 30.0, -30.0])
def test_a_one_hot_distribution_is_its_label(backend, name, size):
    """The values, gradients and digits of the confident included."""
    loss, logits = ls.get(name), [[size, 0.5, -1.0]]
    for hard, soft in zip(
        *(loss.value_and_grad(*map(put(backend), (logits, y))) for y in ([0], [[1.0, 0, 0]])), strict=True
    ):
        assert near(backend.to_numpy(soft), backend.to_numpy(hard), 64)


SOFT = [[0.7, 0.3, 0.0]]
INDICES_ONLY = [
    name
    for name in ls.names()
    if (contract := ls.get(name).contract).label is not None and contract.distribution is None
    if [str(argument.terms[0]) for argument in contract.inputs][1:] == ["Label[*batch]"]
]


@pytest.mark.parametrize("name", INDICES_ONLY)
def test_a_loss_of_class_indices_says_what_to_do_with_soft_labels(name):
    with pytest.raises(DTypeError, match=f"{name}: `labels` .*for soft labels use cross_entropy, or mix") as raised:
        ls.get(name)(np.zeros((1, 3)), np.asarray(SOFT))
    assert "astype" not in str(raised.value)


# What is refused.

ONE, TWO, PAIR = np.asarray([1.0]), np.asarray([[1.0, 2.0]]), np.asarray([[0.5, 0.5]])
LABEL = np.asarray([0])

REFUSED = {
    "gamma below 0": (lambda: ls.focal(TWO, LABEL, gamma=-1.0), ContractError, "focal: `gamma` is -1.0"),
    "alpha below 0": (lambda: ls.focal(TWO, LABEL, alpha=-0.25), ContractError, "focal: `alpha` is -0.25"),
    "alpha of other classes": (lambda: ls.focal(TWO, LABEL, alpha=np.ones(3)), ContractError, "`alpha` has shape"),
    "sigmoid gamma": (lambda: ls.sigmoid_focal(ONE, ONE, gamma=-1.0), ContractError, "`gamma` is -1.0"),
    "alpha above 1": (lambda: ls.sigmoid_focal(ONE, ONE, alpha=-1), ContractError, "sigmoid_focal: `alpha` is -1"),
    "integer targets": (lambda: ls.sigmoid_focal(ONE, LABEL), DTypeError, "`targets` has a dtype"),
    "q of 0": (lambda: ls.generalized_cross_entropy(PAIR, LABEL, q=0.0), ContractError, r"domain is \(0, 1\]"),
    "q above 1": (lambda: ls.generalized_cross_entropy_with_logits(TWO, LABEL, q=1.5), ContractError, "`q` is 1.5"),
    "k of 0": (lambda: ls.rescaled_square(TWO, LABEL, k=0.0), ContractError, "rescaled_square: `k` is 0.0"),
    "m of 0": (lambda: ls.rescaled_square(TWO, LABEL, m=0.0), ContractError, "rescaled_square: `m` is 0.0"),
    "no margin": (lambda: ls.large_margin_softmax(TWO, LABEL, TWO, margin=0), ContractError, "`margin` is 0"),
    "half a margin": (lambda: ls.large_margin_softmax(TWO, LABEL, TWO, margin=1.5), DTypeError, "`margin` is 1.5"),
    "float labels": (lambda: ls.sparsemax(TWO, ONE), DTypeError, "`labels`"),
    "labels of nll": (lambda: ls.nll(TWO - 3, ONE), DTypeError, "`labels`"),
    "labels for yes and no": (lambda: ls.exponential(ONE, LABEL), DTypeError, "`targets`"),
    "columns for brier": (lambda: ls.brier(PAIR, np.asarray([[0]])), ContractError, "`labels` has shape"),
}


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


VALUES = {
    "a positive logarithm": (lambda: ls.nll(TWO, LABEL), "`log_probabilities` holds"),
    "a probability above 1": (lambda: ls.binary_cross_entropy(2 * ONE, ONE), "`probabilities` holds 2.0"),
    "probabilities of sum 3": (lambda: ls.categorical_cross_entropy(TWO, LABEL), "rows on the last axis"),
    "a target above 1": (lambda: ls.binary_brier(ONE, 2 * ONE), "`targets` holds 2.0"),
}


@pytest.mark.parametrize(("call", "words"), VALUES.values(), ids=VALUES)
def test_values_that_are_refused_on_demand(call, words):
    with ls.checking("values"), pytest.raises(ContractError, match=words):
        call()


# Names of other libraries.

NAMES = {
    "BCELoss": ls.binary_cross_entropy,
    "BinaryCrossentropy": ls.binary_cross_entropy,
    "binary_crossentropy": ls.binary_cross_entropy,
    "CategoricalCrossentropy": ls.categorical_cross_entropy,
    "categorical_crossentropy": ls.categorical_cross_entropy,
    "log_loss": ls.categorical_cross_entropy,
    "safe_softmax_cross_entropy": ls.cross_entropy.configured(reduction="none"),
    "multiclass_logistic_loss": ls.cross_entropy.configured(reduction="none"),
    "HalfMultinomialLoss": ls.cross_entropy,
    "HalfBinomialLoss": ls.binary_cross_entropy_with_logits,
    "binary_logistic_loss": ls.binary_cross_entropy_with_logits.configured(reduction="none"),
    "ExponentialLoss": ls.exponential,
    "CategoricalGeneralizedCrossEntropy": ls.generalized_cross_entropy.configured(q=0.5),
    "poly_loss_cross_entropy": ls.poly1_cross_entropy.configured(reduction="none"),
    "sparsemax_loss": ls.binary_sparsemax.configured(reduction="none"),
    "binary_sparsemax_loss": ls.binary_sparsemax.configured(reduction="none"),
    "multiclass_sparsemax_loss": ls.sparsemax.configured(reduction="none"),
    "LargeMarginSoftmaxLoss": ls.large_margin_softmax,
    "AdaptiveLogSoftmaxWithLoss": ls.adaptive_log_softmax,
}


@pytest.mark.parametrize(("name", "loss"), NAMES.items(), ids=NAMES)
def test_a_name_of_another_library_is_the_loss_under_its_defaults(name, loss):
    assert ls.get(name) == loss


def test_generalized_cross_entropy_has_the_slope_of_its_power_at_and_near_a_probability_of_0(backend):
    p = backend.from_numpy(np.asarray([[0.0, 1.0], [1e-200, 1.0]]))
    labels = backend.from_numpy(np.asarray([0, 0]))
    for q, expected in ((1.0, [-1.0, -1.0]), (0.75, [0.0, -1e50])):  # -p^(q - 1), declared 0 at 0 for q < 1
        gradient = ls.generalized_cross_entropy.grad(p, labels, q=q, reduction="sum")
        assert np.allclose(backend.to_numpy(gradient)[:, 0], expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("labels", "slopes"),
    [(0, [-1.0, 1.0, 0.0]), (1, [0.0, 0.0, 0.0]), ([0.75, 0.25, 0.0], [-0.75, 0.75, 0.0])],
)
def test_the_gradient_of_sparsemax_is_p_less_y_where_a_class_has_just_no_probability(labels, slopes, array, plain):
    _, found = ls.sparsemax.value_and_grad(array([[0.0, 1.0, -1.0]]), array([labels]), wrt="logits")  # p = (0, 1, 0)
    assert plain(found).tolist() == [slopes]
