"""Calls of every function and class of every dialect, at the defaults and with each option, which `port` translates."""

from __future__ import annotations

import numpy as np

_random = np.random.default_rng(2)


def _rows(shape: tuple[int, ...] = (5, 3)) -> np.ndarray:
    return _random.normal(size=shape)


def _positive(shape: tuple[int, ...] = (5, 3)) -> np.ndarray:
    return _random.uniform(0.2, 3.0, shape)


def _chances(shape: tuple[int, ...] = (5, 3)) -> np.ndarray:
    return _random.uniform(0.1, 0.9, shape)


def _parts() -> np.ndarray:
    return _random.dirichlet(np.ones(3), 5)


_steps = _rows((6, 2, 4))
DATA = {
    "x": _rows(),
    "z": _rows(),
    "a": _rows(),
    "u": _rows((5,)),
    "v": _rows((5,)),
    "y": np.array([0, 2, 1, 1, 0]),
    "y_real": np.array([0, 2, 1, 1, 0]),
    "ignored": np.array([0, -100, 1, 1, 0]),
    "s": np.array([1.0, -1.0, -1.0, 1.0, 1.0]),
    "S": np.where(_rows() > 0, 1.0, -1.0),
    "b": np.array([1.0, 0.0, 0.0, 1.0, 1.0]),
    "B": np.where(_rows() > 0, 1.0, 0.0),
    "c": np.array([3.0, 0.0, 1.0, 2.0, 5.0]),
    "C": _random.poisson(3.0, (5, 3)) + 1.0,
    "p": _parts(),
    "q": _parts(),
    "lp": np.log(_parts()),
    "lq": np.log(_parts()),
    "hot": np.eye(3)[[0, 2, 1, 1, 0]],
    "P": _chances(),
    "h": _chances((5,)),
    "pos": _positive((5,)),
    "pos2": _positive((5,)),
    "Pos": _positive(),
    "Pos2": _positive(),
    "w": np.array([0.5, 1.0, 2.0]),
    "W": _positive(),
    "m": _positive((5,)),
    "M": np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1], [1, 1, 1], [1, 0, 1]], dtype=bool),
    "listed": np.array([[0, 2, -1], [1, -1, 0], [2, -1, -1], [0, 1, 2], [1, 0, -1]]),
    "steps": _steps - np.log(np.exp(_steps).sum(-1, keepdims=True)),
    "logits": _rows((2, 6, 4)),
    "marks": np.array([[1, 2], [3, 1]]),
    "padded": np.array([[1, 2], [3, 0]]),
    "times": np.array([6, 5]),
    "lengths": np.array([2, 1]),
    "late": np.array([[0.0] * 6, [0.0] * 5 + [1.0]]),
    "over": np.array([[0.0, 0.0], [0.0, 1.0]]),
    "e": _rows((6, 4)),
    "unit": np.eye(4)[[0, 1, 2, 0, 3, 1]] * 0.6 + np.eye(4)[[1, 2, 3, 2, 0, 3]] * 0.8,
    "groups": np.array([0, 1, 0, 1, 2, 2]),
    "image": _rows((2, 5, 3)),
    "mask": np.eye(3)[_random.integers(0, 3, (2, 5))],
    "d": 0.7,
}

_SUM = ["reduction='sum'", "reduction='none'"]
_OLD = [*_SUM, "size_average=False", "reduce=False"]
_KERAS = ["reduction='sum'", "reduction=None"]
CALLS = {
    "torch": {
        "F.mse_loss(x, z)": [*_OLD, "weight=W"],
        "F.mse_loss(u, v)": [*_SUM, "weight=m"],
        "F.l1_loss(x, z)": [*_OLD, "weight=W"],
        "F.huber_loss(x, z)": [*_SUM, "delta=0.3", "delta=d", "weight=W"],
        "F.smooth_l1_loss(x, z)": [*_OLD, "beta=0.3"],
        "F.cross_entropy(x, y)": [*_OLD, "weight=w", "ignore_index=1", "label_smoothing=0.1"],
        "F.cross_entropy(x, ignored)": _SUM,
        "F.linear_cross_entropy(x, z, y)": ["linear_bias=m", "reduction='sum'", "ignore_index=1"],
        "F.nll_loss(lp, y)": [*_OLD, "weight=w", "ignore_index=1"],
        "F.poisson_nll_loss(u, c)": [*_SUM, "full=True", "eps=1e-3"],
        "F.poisson_nll_loss(pos, c, log_input=False)": [*_SUM, "full=True", "eps=1e-3"],
        "F.poisson_nll_loss(x, C)": _SUM,
        "F.gaussian_nll_loss(u, v, pos)": [*_SUM, "full=True", "eps=0.9"],
        "F.kl_div(lp, p)": [*_OLD, "reduction='batchmean'"],
        "F.kl_div(lp, lq, log_target=True)": [*_SUM, "reduction='batchmean'"],
        "F.binary_cross_entropy(P, B)": [*_OLD, "weight=W"],
        "F.binary_cross_entropy_with_logits(x, B)": [*_OLD, "weight=W", "pos_weight=W", "pos_weight=w"],
        "F.soft_margin_loss(x, S)": _OLD,
        "F.soft_margin_loss(u, s)": _OLD,
        "F.margin_ranking_loss(u, v, s)": [*_OLD, "margin=0.5"],
        "F.hinge_embedding_loss(pos, s)": [*_OLD, "margin=2.0"],
        "F.cosine_embedding_loss(x, z, s)": [*_OLD, "margin=0.3"],
        "F.cosine_similarity(x, z)": ["dim=0", "dim=-1", "eps=0.1"],
        "F.multi_margin_loss(x, y)": [*_OLD, "p=2", "margin=0.5", "weight=w"],
        "F.multilabel_margin_loss(x, listed)": _OLD,
        "F.multilabel_soft_margin_loss(x, B)": [*_OLD, "weight=w"],
        "F.triplet_margin_loss(x, z, a)": [*_OLD, "margin=0.5", "p=1", "eps=0.1", "swap=True"],
        "F.triplet_margin_with_distance_loss(x, z, a)": [*_SUM, "margin=0.5", "swap=True"],
        "F.ctc_loss(steps, marks, times, lengths)": [*_SUM, "zero_infinity=True"],
        "nn.L1Loss()(x, z)": _SUM,
        "nn.MSELoss()(x, z)": _SUM,
        "nn.SmoothL1Loss()(x, z)": [*_SUM, "beta=0.3"],
        "nn.HuberLoss()(x, z)": [*_SUM, "delta=0.3"],
        "nn.CrossEntropyLoss()(x, y)": [*_SUM, "weight=w", "ignore_index=1", "label_smoothing=0.1"],
        "nn.NLLLoss()(lp, y)": [*_SUM, "weight=w", "ignore_index=1"],
        "nn.PoissonNLLLoss()(pos, c)": [*_SUM, "full=True", "log_input=False"],
        "nn.GaussianNLLLoss()(u, v, pos)": [*_SUM, "full=True"],
        "nn.KLDivLoss()(lp, p)": [*_SUM, "reduction='batchmean'", "log_target=True"],
        "nn.BCELoss()(P, B)": [*_SUM, "weight=W"],
        "nn.BCEWithLogitsLoss()(x, B)": [*_SUM, "pos_weight=W", "weight=W"],
        "nn.SoftMarginLoss()(u, s)": _SUM,
        "nn.MarginRankingLoss()(u, v, s)": [*_SUM, "margin=0.5"],
        "nn.HingeEmbeddingLoss()(pos, s)": [*_SUM, "margin=2.0"],
        "nn.CosineEmbeddingLoss()(x, z, s)": [*_SUM, "margin=0.3"],
        "nn.CosineSimilarity()(x, z)": ["dim=0", "dim=-1", "eps=0.1"],
        "nn.MultiMarginLoss()(x, y)": [*_SUM, "p=2", "margin=0.5", "weight=w"],
        "nn.MultiLabelMarginLoss()(x, listed)": _SUM,
        "nn.MultiLabelSoftMarginLoss()(x, B)": [*_SUM, "weight=w"],
        "nn.TripletMarginLoss()(x, z, a)": [*_SUM, "margin=0.5", "p=1", "swap=True"],
        "nn.TripletMarginWithDistanceLoss()(x, z, a)": [*_SUM, "margin=0.5"],
        "nn.CTCLoss()(steps, marks, times, lengths)": [*_SUM, "zero_infinity=True"],
        "torch.mean(F.mse_loss(x, z, reduction='none'))": [],
        "F.l1_loss(x, z, reduction='none').sum()": [],
        "2 * F.mse_loss(x, z) - F.huber_loss(x, z) / 3": [],
    },
    "optax": {
        "optax.squared_error(x, z)": [],
        "optax.squared_error(x)": [],
        "optax.l2_loss(x, z)": [],
        "optax.l2_loss(x)": [],
        "optax.l2_loss(x - z)": [],
        "jnp.mean(optax.l2_loss(x, z))": [],
        "jnp.sum(optax.losses.log_cosh(x, z))": [],
        "optax.huber_loss(x, z)": ["delta=0.3"],
        "optax.huber_loss(x)": ["delta=0.3"],
        "optax.huber_loss(x, z, delta=0.4).mean()": [],
        "optax.log_cosh(x, z)": [],
        "optax.sigmoid_binary_cross_entropy(x, B)": [],
        "optax.sigmoid_binary_cross_entropy(x, B).mean(-1)": [],
        "optax.sigmoid_focal_loss(x, B)": ["alpha=0.25", "gamma=1.0"],
        "optax.hinge_loss(u, s)": [],
        "optax.hinge_loss(x, S)": [],
        "optax.losses.perceptron_loss(u, s)": [],
        "optax.losses.sparsemax_loss(u, b)": [],
        "optax.losses.multiclass_sparsemax_loss(x, y)": [],
        "optax.losses.multiclass_hinge_loss(x, y)": [],
        "optax.losses.multiclass_perceptron_loss(x, y)": [],
        "optax.softmax_cross_entropy(x, p)": ["axis=0", "where=M"],
        "optax.safe_softmax_cross_entropy(x, p)": [],
        "optax.losses.poly_loss_cross_entropy(x, p)": ["epsilon=1.0", "axis=0", "where=M"],
        "optax.softmax_cross_entropy_with_integer_labels(x, y)": ["where=M"],
        "optax.kl_divergence(lp, p)": ["axis=0", "where=M"],
        "optax.losses.kl_divergence_with_log_targets(lp, lq)": ["axis=0", "where=M"],
        "optax.convex_kl_divergence(lp, p)": ["where=M"],
        "optax.losses.generalized_kl_divergence(lp, p)": ["axis=0"],
        "optax.ctc_loss(logits, late, padded, over)": [],
        "optax.cosine_similarity(x, z)": ["epsilon=1.5", "axis=0", "where=M"],
        "optax.cosine_distance(x, z)": ["epsilon=1.5", "axis=0", "where=M"],
        "optax.losses.ranking_softmax_loss(x, Pos)": ["where=M", "weights=W", "reduce_fn=None"],
        "optax.losses.ntxent(e, groups)": ["temperature=0.5"],
        "optax.losses.triplet_margin_loss(x, z, a)": ["axis=0", "norm_degree=4", "margin=0.5", "eps=0.1"],
        "optax.losses.dice_loss(image, mask)": [
            "class_weights=w", "smooth=0.1", "alpha=0.3", "beta=0.3", "reduction='sum'", "reduction='none'",
            "ignore_background=True", "axis=1",
        ],
    },
    "keras": {
        "keras.losses.MeanSquaredError()(z, x)": [*_KERAS, "reduction='mean'", "reduction='none'"],
        "keras.losses.MeanSquaredError()(z, x, m)": [*_KERAS, "reduction='mean_with_sample_weight'"],
        "keras.losses.MeanSquaredError()(v, u)": _KERAS,
        "keras.losses.MeanAbsoluteError()(z, x)": _KERAS,
        "keras.losses.MeanAbsolutePercentageError()(z, x)": _KERAS,
        "keras.losses.MeanSquaredLogarithmicError()(Pos2, Pos)": _KERAS,
        "keras.losses.LogCosh()(z, x)": _KERAS,
        "keras.losses.Hinge()(S, x)": _KERAS,
        "keras.losses.Hinge()(B, x)": _KERAS,
        "keras.losses.SquaredHinge()(S, x)": _KERAS,
        "keras.losses.CategoricalHinge()(hot, x)": _KERAS,
        "keras.losses.KLDivergence()(p, q)": _KERAS,
        "keras.losses.Poisson()(C, Pos)": _KERAS,
        "keras.losses.CosineSimilarity()(z, x)": ["axis=0", *_KERAS],
        "keras.losses.Huber()(z, x)": ["delta=0.3", *_KERAS],
        "keras.losses.BinaryCrossentropy()(B, P)": ["from_logits=True", "label_smoothing=0.1", "axis=0", *_KERAS],
        "keras.losses.BinaryFocalCrossentropy()(B, P)": [
            "apply_class_balancing=True", "alpha=0.3", "gamma=1.0", "from_logits=True", "label_smoothing=0.1", *_KERAS,
        ],
        "keras.losses.CategoricalCrossentropy()(hot, p)": [
            "from_logits=True", "label_smoothing=0.1", "axis=0", *_KERAS,
        ],
        "keras.losses.CategoricalCrossentropy(from_logits=True)(hot, x, sample_weight=m)": _KERAS,
        "keras.losses.CategoricalFocalCrossentropy()(hot, p)": [
            "alpha=0.5", "gamma=1.0", "from_logits=True", "label_smoothing=0.1", *_KERAS,
        ],
        "keras.losses.SparseCategoricalCrossentropy()(y, p)": ["from_logits=True", "ignore_class=1", *_KERAS],
        "keras.losses.CategoricalGeneralizedCrossEntropy()(y, p)": ["q=0.3", *_KERAS],
        "keras.losses.Dice()(B, P)": ["axis=1", *_KERAS],
        "keras.losses.Tversky()(B, P)": ["alpha=0.3", "beta=0.3", "axis=1", *_KERAS],
        "keras.losses.Circle()(groups, unit)": ["gamma=10.0", "margin=0.2", *_KERAS],
        "keras.losses.CTC()(padded, logits)": _KERAS,
        "keras.losses.mean_squared_error(z, x)": [],
        "keras.losses.mean_absolute_error(z, x)": [],
        "keras.losses.mean_absolute_percentage_error(z, x)": [],
        "keras.losses.mean_squared_logarithmic_error(Pos2, Pos)": [],
        "keras.losses.huber(z, x)": ["delta=0.3"],
        "keras.losses.log_cosh(z, x)": [],
        "keras.losses.poisson(C, Pos)": [],
        "keras.losses.cosine_similarity(z, x)": ["axis=0"],
        "keras.losses.hinge(S, x)": [],
        "keras.losses.squared_hinge(B, x)": [],
        "keras.losses.categorical_hinge(hot, x)": [],
        "keras.losses.kl_divergence(p, q)": [],
        "keras.losses.binary_crossentropy(B, P)": ["from_logits=True", "label_smoothing=0.1"],
        "keras.losses.binary_focal_crossentropy(B, P)": ["gamma=1.0", "apply_class_balancing=True"],
        "keras.losses.categorical_crossentropy(hot, p)": ["from_logits=True", "label_smoothing=0.1"],
        "keras.losses.categorical_focal_crossentropy(hot, p)": ["gamma=1.0"],
        "keras.losses.sparse_categorical_crossentropy(y, p)": ["from_logits=True", "ignore_class=1"],
        "keras.losses.categorical_generalized_cross_entropy(y, p, 0.7)": [],
        "keras.losses.ctc(padded, logits)": [],
        "keras.losses.dice(B, P)": ["axis=1"],
        "keras.losses.tversky(B, P)": ["alpha=0.3"],
        "keras.losses.circle(groups, unit)": ["gamma=10.0"],
    },
    "sklearn": {
        "metrics.mean_squared_error(v, u)": ["sample_weight=m"],
        "metrics.mean_squared_error(z, x)": [
            "multioutput='raw_values'", "multioutput=[0.2, 0.3, 0.5]", "sample_weight=m",
        ],
        "metrics.root_mean_squared_error(v, u)": ["sample_weight=m"],
        "metrics.root_mean_squared_error(z, x)": [],
        "metrics.mean_absolute_error(v, u)": ["sample_weight=m"],
        "metrics.mean_absolute_percentage_error(v, u)": ["sample_weight=m"],
        "metrics.mean_squared_log_error(pos2, pos)": ["sample_weight=m"],
        "metrics.root_mean_squared_log_error(pos2, pos)": ["sample_weight=m"],
        "metrics.mean_pinball_loss(v, u)": ["alpha=0.9", "sample_weight=m"],
        "metrics.mean_tweedie_deviance(pos2, pos)": ["power=1", "power=1.5", "power=2", "power=3", "sample_weight=m"],
        "metrics.mean_poisson_deviance(pos2, pos)": ["sample_weight=m"],
        "metrics.mean_gamma_deviance(pos2, pos)": ["sample_weight=m"],
        "metrics.log_loss(y, p)": ["normalize=False", "labels=[0, 1, 2]", "sample_weight=m"],
        "metrics.log_loss(b, h)": ["normalize=False", "sample_weight=m"],
        "metrics.hinge_loss(s, u)": ["sample_weight=m"],
        "metrics.hinge_loss(y, x)": [],
        "metrics.brier_score_loss(b, h)": ["pos_label=0", "scale_by_half=False", "sample_weight=m"],
        "metrics.brier_score_loss(y, p)": ["scale_by_half=True", "sample_weight=m"],
    },
}  # fmt: skip

_OBJECTS = {
    "HalfSquaredError": ("v, u", ()),
    "AbsoluteError": ("v, u", ()),
    "PinballLoss": ("v, u", ("quantile=0.9",)),
    "losses.HuberLoss": ("v, u", ("delta=2.0",)),
    "HalfPoissonLoss": ("c, u", ()),
    "HalfGammaLoss": ("pos, u", ()),
    "HalfTweedieLoss": ("pos, u", ("power=1.0", "power=2.0", "power=0", "power=1.7")),
    "HalfTweedieLossIdentity": ("pos, pos2", ("power=1.0", "power=2.0", "power=0")),
    "HalfBinomialLoss": ("b, u", ()),
    "ExponentialLoss": ("b, u", ()),
    "HalfMultinomialLoss": ("y_real, x", ()),
}
for _name, (_arrays, _options) in _OBJECTS.items():
    CALLS["sklearn"][f"{_name}()({_arrays})"] = [*_options, "sample_weight=m"]
    CALLS["sklearn"][f"{_name}().loss({_arrays})"] = list(_options)


def with_option(call: str, option: str) -> str:
    """A call with an option, in the constructor where an object is called."""
    made = ")(" in call or "().loss(" in call
    if not made or option.startswith("sample_weight"):
        return f"{call[:-1]}, {option})"
    start, end = call.index("(") + 1, call.index(")")
    inside = f"{call[start:end]}, " if call[start:end] else ""
    return call[:start] + inside + option + call[end:]
