"""Losses of pairs, triplets and prototypes, of batches that are their own negatives, and of two views: closed forms."""

import math

import numpy as np
import pytest
from mpmath import mpf

import lossspec as ls
from lossspec.conformance.oracle import derivative
from lossspec.definitions.common import constant
from lossspec.errors import ContractError, DTypeError, MergeError
from lossspec.numerics import array_namespace, normalize

IN_BATCH = ("info_nce", "n_pairs", "clip", "siglip")
GROUPED = (
    "nt_xent",
    "supervised_contrastive",
    "circle",
    "multi_similarity",
    "decoupled_contrastive",
    "lifted_structure",
    "semi_hard_triplet",
)
VIEWS = ("barlow_twins", "vicreg")
WITH_PROTOTYPES = ("arcface", "cosface", "center")

random = np.random.default_rng(11)
ROWS, OTHERS = random.normal(size=(6, 4)), random.normal(size=(6, 4))
LABELS = np.asarray([3, -7, 3, 3, -7, 10**9])


def inputs_of(loss):
    """Six units for any of the losses above."""
    second = loss.contract.inputs[1].terms[0]
    if second.name == "Group":
        return (ROWS, LABELS)
    return (ROWS, OTHERS) if len(loss.contract.inputs) == 2 else (ROWS, OTHERS, np.asarray([0, 5, 2, 2, 1, 0]))


def gradients(backend, loss, *inputs, **options):
    """The value and the gradients in all real inputs, as NumPy arrays."""
    wrt = tuple(a.name for a, x in zip(loss.contract.inputs, inputs, strict=True) if x.dtype.kind == "f")
    value, found = loss.value_and_grad(*map(backend.from_numpy, inputs), wrt=wrt, **options)
    return backend.to_numpy(value), [backend.to_numpy(gradient) for gradient in found]


def test_the_names_of_other_libraries_are_known():
    names = {
        "triplet_margin": "torch:triplet_margin_loss torch:TripletMarginLoss triplet_margin_with_distance_loss "
        "TripletMarginWithDistanceLoss",
        "cosine_embedding": "cosine_embedding_loss CosineEmbeddingLoss",
        "nt_xent": "NT-Xent SimCLR",
        "supervised_contrastive": "SupCon",
        "multi_similarity": "MultiSimilarityLoss",
        "cosface": "CosFaceLoss",
        "clip": "ClipLoss",
        "vicreg": "VICRegLoss",
    }
    for name, others in names.items():
        assert all(ls.get(other) is getattr(ls, name) for other in others.split())
    assert ls.get("ArcFaceLoss") == ls.arcface.configured(margin=math.radians(28.6), monotone=True)
    for other in ("ContrastiveLoss", "NPairsLoss", "NTXentLoss", "CircleLoss", "SupConLoss"):
        with pytest.raises(ContractError, match="'pml:"):
            ls.get(other)  # pytorch-metric-learning's is another function


# Pairs, triplets, prototypes.


def test_a_similar_pair_costs_half_its_squared_distance_and_a_dissimilar_one_what_it_lacks(array, plain):
    first, second = array([[0.0, 0.0]] * 4), array([[3.0, 4.0], [0.6, 0.8], [0.3, 0.4], [0.0, 0.0]])
    similar = ls.contrastive.per_example(first, second, array([0.0] * 4), margin=2.0)
    dissimilar = ls.contrastive.per_example(first, second, array([1.0] * 4), margin=2.0)
    assert plain(similar).tolist() == [12.5, 0.5, 0.125, 0.0]
    assert plain(dissimilar) == pytest.approx([0.0, 0.5, 1.125, 2.0], rel=1e-15)
    half = plain(ls.contrastive.per_example(first, second, array([0.5] * 4), margin=2.0))
    assert half == pytest.approx([6.25, 0.5, 0.625, 1.0], rel=1e-15)


def test_equal_vectors_that_should_differ_have_no_gradient(backend):
    x = np.asarray([[1.0, 2.0]])
    value, (first, second, dissimilar) = gradients(backend, ls.contrastive, x, x, np.asarray([1.0]))
    assert value == 0.5
    assert not first.any()
    assert not second.any()
    assert dissimilar == [0.5]


TRIPLET = (
    [[0.0, 1.0]],
    [[3.0, 5.0]],
    [[0.0, 2.5]],
)  # distances 5, 1.5 and, from the positive to the negative, sqrt(15.25)


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({}, 5 - 1.5 + 1),
        ({"margin": 0.0}, 3.5),
        ({"distance": "squared"}, 25 - 2.25 + 1),
        ({"distance": "cosine"}, (1 - 5 / math.sqrt(34)) - 0 + 1),
        ({"soft": True}, math.log1p(math.exp(-4.5)) + 4.5),
        ({"swap": True}, 5 - 1.5 + 1),
        ({"distance": lambda x, y: array_namespace(x).sum(abs(x - y), axis=-1)}, 7 - 1.5 + 1),
        ({"distance": lambda x, y: array_namespace(x).sum(abs(x - y), axis=-1), "soft": True, "margin": 0.0},
         math.log1p(math.exp(-5.5)) + 5.5),
    ],
)  # fmt: skip
def test_a_triplet_takes_the_distance_it_is_told(array, plain, options, value):
    assert float(plain(ls.triplet_margin(*map(array, TRIPLET), **options))) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("distance", "value"),
    [
        ("euclidean", 1.5 - math.sqrt(15.25) + 4),
        ("squared", 2.25 - 15.25 + 14),
        ("cosine", 0 - (1 - 5 / math.sqrt(34)) + 4),
        (lambda x, y: array_namespace(x).sum(abs(x - y), axis=-1), 1.5 - 5.5 + 6),
    ],
)
def test_swap_takes_the_nearer_of_anchor_and_positive(array, plain, distance, value):
    anchor, negative, positive = map(array, TRIPLET)  # now the positive is 1.5 away, the negative 5 and sqrt(15.25)
    margin = {"squared": 14.0}.get(distance, 6.0 if callable(distance) else 4.0)
    got = ls.triplet_margin(anchor, positive, negative, distance=distance, swap=True, margin=margin)
    assert float(plain(got)) == pytest.approx(value, rel=1e-14)
    without = ls.triplet_margin(anchor, positive, negative, distance=distance, margin=margin)
    assert plain(without) <= plain(got)


def test_a_soft_triplet_is_never_below_the_hard_one_and_at_most_log_2_above(array, plain):
    triplets = [array(random.normal(size=(50, 3))) for _ in range(3)]
    for distance in ("euclidean", "squared", "cosine"):
        hard = plain(ls.triplet_margin.per_example(*triplets, distance=distance))
        soft = plain(ls.triplet_margin.per_example(*triplets, distance=distance, soft=True))
        assert np.all((hard < soft) & (soft <= hard + math.log(2)))


def test_a_distance_that_is_no_distance_is_refused(array):
    triplet = [array(x) for x in TRIPLET]
    with pytest.raises(ContractError, match="`distance` is 'l1'"):
        ls.triplet_margin(*triplet, distance="l1")
    with pytest.raises(ContractError, match=r"`distance` gave shape \(1, 2\) for vectors of shape \(1, 2\)"):
        ls.triplet_margin(*triplet, distance=lambda x, y: x - y)
    with pytest.raises(ContractError, match=r"`margin` is -1\.0"):
        ls.triplet_margin(*triplet, margin=-1.0)


def test_a_triplet_beyond_its_margin_has_no_gradient_and_one_at_it_has_none_either(backend):
    a, p, n = (np.asarray(x) for x in ([[0.0, 0.0]] * 2, [[1.0, 0.0]] * 2, [[9.0, 0.0], [2.0, 0.0]]))
    value, found = gradients(backend, ls.triplet_margin, a, p, n)
    assert value == 0
    assert not any(gradient.any() for gradient in found)


X, PROTOTYPES = [[2.0, 0.0]], [[5.0, 0.0], [0.0, 3.0], [-1.0, 0.0]]  # at angles 0, pi/2 and pi


@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize("margin", [0.0, 0.5, 1.2])
def test_arcface_adds_the_margin_to_the_angle_of_the_label(array, plain, label, margin):
    angles = [0, math.pi / 2, math.pi]
    logits = [3 * math.cos(angle + margin * (c == label)) for c, angle in enumerate(angles)]
    exact = math.log(sum(map(math.exp, logits))) - logits[label]
    got = ls.arcface(array(X), array(PROTOTYPES), array([label]), margin=margin, scale=3.0)
    assert float(plain(got)) == pytest.approx(exact, rel=1e-14)


def test_monotone_arcface_falls_with_the_cosine_also_near_the_opposite_direction(array, plain):
    angles = np.linspace(0.0, math.pi, 200)
    x = array(np.stack([np.cos(angles), np.sin(angles)], axis=-1))
    prototypes, labels = array([[1.0, 0.0], [0.0, -1.0]]), array(np.zeros(200, dtype=np.int64))
    options = {"margin": 0.5, "scale": 1.0}
    rivals = np.exp(-np.sin(angles))
    for monotone in (False, True):
        losses = plain(ls.arcface.per_example(x, prototypes, labels, **options, monotone=monotone))
        logit = -np.log(np.expm1(losses) / rivals)  # the loss is log(1 + rivals exp(-logit))
        assert np.all(np.diff(logit) < 0) == monotone
    last = float(losses[-1])
    assert last == pytest.approx(math.log1p(math.exp(1 + 0.5 * math.sin(0.5))), rel=1e-14)


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_arcface_has_a_finite_gradient_at_parallel_vectors(backend, direction):
    """d cos(theta + m) = cos(m) d cos(theta), which is 0 there, and the derivative of the sine is declared 0."""
    x, prototypes = np.asarray([[3.0 * direction, 0.0]]), np.asarray([[1.0, 0.0], [0.0, 1.0]])
    value, (of_x, of_prototypes) = gradients(backend, ls.arcface, x, prototypes, np.asarray([0]), margin=0.5, scale=1.0)
    own = direction * math.cos(0.5)
    assert value == pytest.approx(math.log1p(math.exp(-own)), rel=1e-15)
    wrong = 1 / (1 + math.exp(own))
    assert of_x == pytest.approx(np.asarray([[0.0, wrong / 3]]), rel=1e-14, abs=1e-16)
    assert of_prototypes == pytest.approx(np.asarray([[0.0, 0.0], [wrong * direction, 0.0]]), rel=1e-14, abs=1e-16)


def test_small_angles_keep_the_digits_that_the_arc_cosine_loses(array, plain):
    tiny, margin, scale = 1e-9, 0.5, 1.0
    got = plain(ls.arcface(array([[1.0, tiny]]), array([[1.0, 0.0]] * 2), array([0]), margin=margin, scale=scale))
    shifted = math.cos(margin) - tiny * math.sin(margin)
    assert float(got) == pytest.approx(math.log1p(math.exp(1 - shifted)), rel=1e-15)
    off = [
        float(plain(ls.arcface(array([[1.0, t]]), array([[1.0, 0.0]] * 2), array([0]), scale=1.0))) for t in (0, 1e-8)
    ]
    assert off[1] - off[0] == pytest.approx(1e-8 * math.sin(0.5) / (1 + math.exp(math.cos(0.5) - 1)), rel=1e-6)


def test_cosface_takes_the_margin_from_the_cosine_of_the_label(array, plain):
    for label, cosine in enumerate((1, 0, -1)):
        logits = [3 * (c - 0.4 * (k == label)) for k, c in enumerate((1, 0, -1))]
        exact = math.log(sum(map(math.exp, logits))) - 3 * (cosine - 0.4)
        got = ls.cosface(array(X), array(PROTOTYPES), array([label]), margin=0.4, scale=3.0)
        assert float(plain(got)) == pytest.approx(exact, rel=1e-14)


def test_without_a_margin_both_are_the_cross_entropy_of_scaled_cosines(array, plain):
    x, prototypes, labels = map(array, inputs_of(ls.arcface))
    u, v = normalize(x)[0], normalize(prototypes)[0]
    cosines = array(plain(u) @ plain(v).T)
    exact = plain(ls.cross_entropy.per_example(8.0 * cosines, labels))
    for loss in (ls.arcface, ls.cosface):
        assert plain(loss.per_example(x, prototypes, labels, margin=0.0, scale=8.0)) == pytest.approx(exact, rel=1e-13)


def test_a_center_pulls_with_the_difference(backend):
    x, centers = np.asarray([[3.0, 4.0], [1.0, 1.0]]), np.asarray([[0.0, 0.0], [1.0, 2.0]])
    value, (of_x, of_centers) = gradients(backend, ls.center, x, centers, np.asarray([0, 1]), reduction="sum")
    assert value == 13.0
    assert of_x.tolist() == [[3.0, 4.0], [0.0, -1.0]]
    assert of_centers.tolist() == [[-3.0, -4.0], [0.0, 1.0]]


@pytest.mark.parametrize("name", WITH_PROTOTYPES)
def test_a_label_without_a_prototype_is_nan_for_its_unit_and_is_named(array, plain, name):
    loss = ls.get(name)
    x, prototypes = array(ROWS[:3]), array(OTHERS[:2])
    losses = plain(loss.per_example(x, prototypes, array([0, 2, -1])))
    assert np.isnan(losses).tolist() == [False, True, True]
    with ls.checking("values"), pytest.raises(ContractError, match=rf"{name}: `labels` holds 2 at index \(1,\)"):
        loss(x, prototypes, array([0, 2, 1]))


@pytest.mark.parametrize("name", WITH_PROTOTYPES)
def test_losses_with_prototypes_take_class_weights_and_merge(array, plain, name):
    loss = ls.get(name)
    x, prototypes, labels = map(array, inputs_of(loss))
    by_class = array([1.0, 2.0, 0.5, 1.0, 1.0, 3.0])
    each = plain(loss.per_example(x, prototypes, labels))
    weights = plain(by_class)[plain(labels)]
    exact = (each * weights).sum() / weights.sum()
    assert float(plain(loss(x, prototypes, labels, class_weight=by_class))) == pytest.approx(exact, rel=1e-14)
    parts = [loss.partial(x[cut, :], prototypes, labels[cut], class_weight=by_class) for cut in (slice(2), slice(2, 6))]
    assert float(plain(sum(parts).value())) == pytest.approx(exact, rel=1e-14)


def test_the_negative_cosine_lies_between_minus_one_and_one(array, plain):
    negative_cosine = ls.get("negative_cosine")
    losses = plain(negative_cosine.per_example(array(ROWS), array(OTHERS)))
    assert np.all((losses >= -1) & (losses <= 1))
    exact = -(ROWS * OTHERS).sum(-1) / np.sqrt((ROWS**2).sum(-1) * (OTHERS**2).sum(-1))
    assert losses == pytest.approx(exact, rel=1e-14)
    assert plain(negative_cosine.per_example(array(ROWS), array(-2 * ROWS))) == pytest.approx(1.0, rel=1e-15)


# The batch as its own negatives.


def softplus(x):
    return math.log1p(math.exp(x))


EYE = np.eye(3)
CLOSED = {
    "info_nce": ((EYE, 2 * EYE), {"temperature": 0.5}, [math.log1p(2 * math.exp(-2))] * 3),
    "info_nce inner": ((EYE, 2 * EYE), {"temperature": 0.5, "normalized": False}, [math.log1p(2 * math.exp(-4))] * 3),
    "n_pairs": ((EYE, 2 * EYE), {}, [math.log1p(2 * math.exp(-2))] * 3),
    "clip": ((EYE, EYE[[0, 0, 2]]), {"temperature": 1.0}, [
        (math.log((2 * math.e + 1) / math.e) + math.log((math.e + 2) / math.e)) / 2,
        (math.log(3) + math.log(math.e + 2)) / 2,
        math.log((math.e + 2) / math.e),
    ]),
    "siglip": ((EYE, EYE), {"temperature": 0.5, "bias": -1.0}, [softplus(-1) + 2 * softplus(-1)] * 3),
    "nt_xent": ((EYE[[0, 0, 0, 1]], np.asarray([5, 5, 5, 6])), {"temperature": 0.5}, [
        softplus(-2), softplus(-2), softplus(-2), 0.0,
    ]),
    "supervised_contrastive": ((EYE[[0, 0, 0, 1]], np.asarray([5, 5, 5, 6])), {"temperature": 0.5}, [
        *[math.log(2 + math.exp(-2))] * 3, 0.0,
    ]),
    "circle": ((EYE[[0, 0, 1]], np.asarray([1, 1, 0])), {"margin": 0.25, "gamma": 2.0}, [
        softplus(-2 * 0.25 * 0.25 - 2 * 0.25 * 0.25), softplus(-2 * 0.25 * 0.25 - 2 * 0.25 * 0.25), 0.0,
    ]),
    "multi_similarity": ((EYE[[0, 0, 1]], np.asarray([1, 1, 0])), {"alpha": 2.0, "beta": 4.0, "base": 0.5}, [
        softplus(-1) / 2 + softplus(-2) / 4, softplus(-1) / 2 + softplus(-2) / 4, math.log1p(2 * math.exp(-2)) / 4,
    ]),
}  # fmt: skip


@pytest.mark.parametrize("case", CLOSED)
def test_orthogonal_and_equal_embeddings_have_the_losses_of_the_formula(array, plain, case):
    inputs, options, exact = CLOSED[case]
    losses = plain(ls.get(case.partition(" ")[0]).per_example(*map(array, inputs), **options))
    assert losses == pytest.approx(exact, rel=1e-14, abs=1e-16)


def test_a_sure_pair_has_every_digit_of_its_loss(array, plain):
    losses = plain(ls.info_nce.per_example(array(EYE), array(EYE), temperature=0.02))
    assert losses == pytest.approx(math.log1p(2 * math.exp(-50)), rel=1e-13, abs=0)
    grouped = plain(ls.nt_xent.per_example(array(EYE[[0, 0, 1]]), array([1, 1, 2]), temperature=0.02))
    assert grouped[:2] == pytest.approx(math.log1p(math.exp(-50)), rel=1e-13, abs=0)


def test_clip_is_the_mean_of_info_nce_both_ways(array, plain):
    first, second = array(ROWS), array(OTHERS)
    ways = [plain(ls.info_nce.per_example(*pair, temperature=0.3)) for pair in ((first, second), (second, first))]
    assert plain(ls.clip.per_example(first, second, temperature=0.3)) == pytest.approx(sum(ways) / 2, rel=1e-14)


def test_siglip_divides_the_sum_over_all_pairs_by_the_batch(array, plain):
    u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (ROWS, OTHERS))
    logits = (u @ v.T) * 4 - 3
    signs = 2 * np.eye(6) - 1
    exact = np.log1p(np.exp(-signs * logits)).sum() / 6
    assert float(plain(ls.siglip(array(ROWS), array(OTHERS), temperature=0.25, bias=-3.0))) == pytest.approx(exact)


def test_with_one_positive_each_nt_xent_is_the_supervised_loss_and_with_two_it_is_less(array, plain):
    x, pairs, triples = array(ROWS), array([1, 2, 3, 3, 2, 1]), array([1, 1, 1, 2, 2, 2])
    losses = [plain(loss.per_example(x, pairs, temperature=0.2)) for loss in (ls.nt_xent, ls.supervised_contrastive)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-14)
    losses = [plain(loss.per_example(x, triples, temperature=0.2)) for loss in (ls.nt_xent, ls.supervised_contrastive)]
    assert np.all(losses[0] < losses[1])


def test_weights_by_the_number_of_positives_make_the_mean_over_ordered_pairs(array, plain):
    positives = np.asarray([(label == LABELS).sum() - 1 for label in LABELS], dtype=np.float64)
    u = ROWS / np.linalg.norm(ROWS, axis=1, keepdims=True)
    odds = np.exp(u @ u.T / 0.5)
    pairs = [
        math.log1p(sum(odds[i, n] for n in range(6) if LABELS[n] != LABELS[i]) / odds[i, p])
        for i in range(6)
        for p in range(6)
        if i != p and LABELS[i] == LABELS[p]
    ]
    got = ls.nt_xent(array(ROWS), array(LABELS), temperature=0.5, sample_weight=array(positives))
    assert float(plain(got)) == pytest.approx(sum(pairs) / len(pairs), rel=1e-14)


@pytest.mark.parametrize("name", GROUPED)
def test_labels_only_say_who_belongs_together(array, plain, name):
    loss, renamed = ls.get(name), np.asarray([0, 99, 0, 0, 99, -1])
    assert plain(loss.per_example(array(ROWS), array(LABELS))) == pytest.approx(
        plain(loss.per_example(array(ROWS), array(renamed, "int32"))), rel=0, abs=0
    )
    with pytest.raises(DTypeError, match=f"{name}: `labels`"):
        loss(array(ROWS), array(renamed.astype(np.float64)))
    with ls.checking("values"):
        loss(array(ROWS), array(LABELS))


@pytest.mark.parametrize("name", [*IN_BATCH, *GROUPED, *VIEWS])
def test_a_masked_unit_is_as_if_it_were_not_there(backend, name):
    loss = ls.get(name)
    inputs = inputs_of(loss)
    keep = np.asarray([True, False, True, True, False, True])
    spoilt = [np.where(keep[:, None], x, np.nan) if x.ndim > 1 else np.where(keep, x, 3) for x in inputs]
    value, found = gradients(backend, loss, *spoilt, where=backend.from_numpy(keep))
    exact, wanted = gradients(backend, loss, *(x[keep] for x in inputs))
    assert value == pytest.approx(exact, rel=1e-13)
    for gradient, kept in zip(found, wanted, strict=True):
        assert gradient[keep] == pytest.approx(kept, rel=1e-11, abs=1e-14)
        assert not gradient[~keep].any()


@pytest.mark.parametrize("name", [*IN_BATCH, *GROUPED, *VIEWS])
def test_a_loss_of_the_whole_batch_does_not_merge_and_says_what_to_do(array, name):
    with pytest.raises(MergeError, match="Gather"):
        ls.get(name).partial(*map(array, inputs_of(ls.get(name))))


ALONE = {"info_nce": 0.0, "n_pairs": 0.0, "clip": 0.0, **dict.fromkeys(GROUPED, 0.0), "barlow_twins": 4.0}


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("masked", [False, True])
def test_a_batch_of_one_has_the_declared_loss_and_no_gradient(backend, name, masked):
    loss = ls.get(name)
    inputs = inputs_of(loss) if masked else [x[:1] for x in inputs_of(loss)]
    where = {"where": backend.from_numpy(np.asarray([True] + [False] * 5))} if masked else {}
    value, found = gradients(backend, loss, *inputs, **where)
    assert value == ALONE[name]
    assert not any(gradient.any() for gradient in found)


def test_a_batch_of_one_is_its_own_pair_for_siglip(array, plain):
    got = ls.siglip(array([[1.0, 0.0]]), array([[3.0, 0.0]]), temperature=0.5, bias=-1.0)
    assert float(plain(got)) == pytest.approx(softplus(-1), rel=1e-15)


@pytest.mark.parametrize("name", ["nt_xent", "supervised_contrastive", "circle"])
def test_without_positives_nothing_is_lost_and_nothing_moves(backend, name):
    value, (gradient,) = gradients(backend, ls.get(name), ROWS, np.arange(6))
    assert value == 0
    assert not gradient.any()


def test_one_group_alone_still_finds_itself_among_the_others(array, plain):
    labels = array(np.zeros(6, dtype=np.int64))
    assert float(plain(ls.nt_xent(array(ROWS), labels))) == 0
    assert float(plain(ls.circle(array(ROWS), labels))) == 0
    equal = array(np.ones((6, 4)))
    assert float(plain(ls.supervised_contrastive(equal, labels))) == pytest.approx(math.log(5), rel=1e-15)


@pytest.mark.parametrize("name", [*IN_BATCH, *GROUPED, *VIEWS])
def test_equal_embeddings_and_those_of_length_zero_have_finite_gradients(backend, name):
    loss = ls.get(name)
    for rows in (np.ones((6, 4)), np.zeros((6, 4)), np.asarray([[1.0, 0.0, 0.0, 0.0]] * 6)):
        inputs = [rows if x.ndim > 1 else x for x in inputs_of(loss)]
        value, found = gradients(backend, loss, *inputs)
        assert np.isfinite(value)
        for gradient in found:
            assert np.all(np.isfinite(gradient))
            if not rows.any() and name != "n_pairs":
                assert not gradient.any()


def test_the_weights_of_circle_are_constant_for_the_gradient(backend):
    """With s = cos(angle) between two rows of one group and a third at a right angle to both sides of nothing."""
    angle, margin, gamma = 0.7, 0.25, 2.0
    x = np.asarray([[1.0, 0.0, 0.0], [math.cos(angle), math.sin(angle), 0.0], [0.0, 0.0, 1.0]])
    value, (gradient,) = gradients(
        backend, ls.circle, x, np.asarray([1, 1, 2]), margin=margin, gamma=gamma, reduction="sum"
    )
    s = math.cos(angle)
    excess = -gamma * (1 + margin - s) * (s - 1 + margin) - gamma * margin * margin
    assert value == pytest.approx(2 * softplus(excess), rel=1e-14)
    slope = 2 / (1 + math.exp(-excess)) * -gamma * (1 + margin - s)  # and not (2 s - 2) gamma
    assert gradient[0] == pytest.approx(
        [0.0, slope * math.sin(angle), 2 / (1 + math.exp(-excess)) * gamma * margin / 2], rel=1e-13, abs=1e-15
    )


def test_the_oracle_holds_what_a_definition_calls_constant():
    def function(point):
        return constant(point[0]) * constant(2 * point[0]) * point[0]

    low, high, _ = derivative(function, [mpf(3)], 0)
    assert float(low) == float(high) == 18  # 3 * 6, and not 6 * 9


# Two views.


def test_barlow_twins_sees_correlations_only(array, plain):
    a, b = ROWS, OTHERS
    correlations = np.corrcoef(a.T, b.T)[:4, 4:]
    exact = ((1 - np.diag(correlations)) ** 2).sum() + 0.1 * (correlations**2).sum()
    exact -= 0.1 * (np.diag(correlations) ** 2).sum()
    for first, second in ((a, b), (3 * a + 7, b * np.asarray([1.0, 2.0, 0.5, 9.0]) - 100)):
        got = plain(ls.barlow_twins(array(first), array(second), redundancy=0.1))
        assert float(got) == pytest.approx(exact, rel=1e-12)
    each = plain(ls.barlow_twins.per_example(array(a), array(b), redundancy=0.1))
    assert each == pytest.approx([exact] * 6, rel=1e-12)


def test_equal_views_leave_barlow_twins_their_redundancy(array, plain):
    orthogonal = array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert float(plain(ls.barlow_twins(orthogonal, orthogonal))) == 0
    repeated = array([[1.0, 2.0], [0.0, 0.0], [-1.0, -2.0]])
    assert float(plain(ls.barlow_twins(repeated, repeated, redundancy=0.25))) == pytest.approx(0.5, rel=1e-15)


def test_a_constant_feature_is_correlated_with_nothing(backend):
    first = np.stack([np.full(5, 0.1), np.arange(5.0)], axis=1)  # a mean of 0.1s is not 0.1
    second = np.stack([np.arange(5.0), np.arange(5.0)], axis=1)
    value, (gradient, _) = gradients(backend, ls.barlow_twins, first, second, redundancy=1.0)
    assert value == pytest.approx(1 + 0 + 1, rel=1e-15)  # 1 - 0 of the first, 1 - 1 of the second, C_21 = 1
    assert not gradient[:, 0].any()


def test_vicreg_is_the_sum_of_its_three_terms(array, plain):
    a, b = 0.5 * ROWS, 0.5 * OTHERS

    def value(**factors):
        parameters = {"invariance": 0.0, "variance": 0.0, "covariance": 0.0, "epsilon": 1e-4, **factors}
        return float(plain(ls.vicreg(array(a), array(b), **parameters)))

    spread = sum(np.maximum(0, 1 - np.sqrt(x.var(axis=0, ddof=1) + 1e-4)).mean() for x in (a, b)) / 2
    covariances = [np.cov(x.T) for x in (a, b)]
    redundant = sum(((c - np.diag(np.diag(c))) ** 2).sum() for c in covariances) / 4
    assert value(invariance=1.0) == pytest.approx(((a - b) ** 2).mean(), rel=1e-14)
    assert value(variance=1.0) == pytest.approx(spread, rel=1e-13)
    assert value(covariance=1.0) == pytest.approx(redundant, rel=1e-13)
    assert value(invariance=2.0, variance=3.0, covariance=4.0) == pytest.approx(
        2 * ((a - b) ** 2).mean() + 3 * spread + 4 * redundant, rel=1e-13
    )


def test_vicreg_of_one_pair_has_no_variance_to_lose(backend):
    a, b = ROWS[:1], OTHERS[:1]
    value, (gradient, _) = gradients(backend, ls.vicreg, a, b)
    assert value == pytest.approx(25 * ((a - b) ** 2).mean() + 25 * (1 - 0.01), rel=1e-14)
    assert gradient == pytest.approx(25 * 2 * (a - b) / 4, rel=1e-14)


def test_a_constant_feature_without_epsilon_has_no_gradient(backend):
    rows = np.stack([np.full(5, 0.1), 4 * np.arange(5.0)], axis=1)
    value, (gradient, _) = gradients(backend, ls.vicreg, rows, rows, epsilon=0.0)
    assert value == 25 * 0.5
    assert not gradient.any()


PARAMETERS = {
    "info_nce temperature": lambda a: ls.info_nce(a(ROWS), a(OTHERS), temperature=0.0),
    "clip temperature": lambda a: ls.clip(a(ROWS), a(OTHERS), temperature=-1.0),
    "siglip temperature": lambda a: ls.siglip(a(ROWS), a(OTHERS), temperature=0.0),
    "nt_xent temperature": lambda a: ls.nt_xent(a(ROWS), a(LABELS), temperature=0.0),
    "supervised_contrastive temperature": lambda a: ls.supervised_contrastive(a(ROWS), a(LABELS), temperature=-0.1),
    "circle margin": lambda a: ls.circle(a(ROWS), a(LABELS), margin=1.5),
    "circle gamma": lambda a: ls.circle(a(ROWS), a(LABELS), gamma=0.0),
    "multi_similarity alpha": lambda a: ls.multi_similarity(a(ROWS), a(LABELS), alpha=0.0),
    "multi_similarity beta": lambda a: ls.multi_similarity(a(ROWS), a(LABELS), beta=-1.0),
    "contrastive margin": lambda a: ls.contrastive(a(ROWS), a(OTHERS), a([0.0] * 6), margin=0.0),
    "arcface margin": lambda a: ls.arcface(a(ROWS), a(OTHERS), a([0] * 6), margin=-0.5),
    "arcface scale": lambda a: ls.arcface(a(ROWS), a(OTHERS), a([0] * 6), scale=0.0),
    "cosface margin": lambda a: ls.cosface(a(ROWS), a(OTHERS), a([0] * 6), margin=-0.5),
    "barlow_twins redundancy": lambda a: ls.barlow_twins(a(ROWS), a(OTHERS), redundancy=-1.0),
    "vicreg variance": lambda a: ls.vicreg(a(ROWS), a(OTHERS), variance=-1.0),
    "vicreg epsilon": lambda a: ls.vicreg(a(ROWS), a(OTHERS), epsilon=-1.0),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_a_parameter_out_of_its_domain_is_refused_at_once(array, case):
    name, parameter = case.split()
    with pytest.raises(ContractError, match=f"{name}: `{parameter}` is "):
        PARAMETERS[case](array)


SHAPES = {
    "labels of another batch": (lambda a: ls.nt_xent(a(ROWS), a([0, 1])), r"nt_xent: `labels` has shape \(2,\)"),
    "labels of rank 2": (lambda a: ls.circle(a(ROWS), a([[0]] * 6)), r"circle: `labels` has shape \(6, 1\)"),
    "another width": (lambda a: ls.clip(a(ROWS), a(OTHERS[:, :3])), r"clip: `second` has shape \(6, 3\)"),
    "prototypes of another width": (
        lambda a: ls.arcface(a(ROWS), a(OTHERS[:, :3]), a([0] * 6)),
        r"arcface: `prototypes` has shape \(6, 3\)",
    ),
    "no prototypes": (
        lambda a: ls.cosface(a(ROWS), a(OTHERS[:0]), a([0] * 6)),
        "cosface: the axis `classes` of `prototypes` has size 0",
    ),
    "embeddings of rank 3": (
        lambda a: ls.vicreg(a(ROWS[None]), a(OTHERS[None])),
        r"vicreg: `first` has shape \(1, 6, 4\)",
    ),
    "a distribution beyond [0, 1]": (
        lambda a: ls.contrastive(a(ROWS), a(OTHERS), a([2.0] * 6)),
        "contrastive: `dissimilar` holds 2.0",
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_what_does_not_fit_is_refused_by_name(array, case):
    call, words = SHAPES[case]
    with ls.checking("values"), pytest.raises(ContractError, match=words):
        call(array)


# The direction that all cosines share.


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_direction_near_to_an_axis_keeps_the_digits_of_its_gradient(backend, dtype):
    """d cos / dx_0 at x = (1, t) against y = (0, 1) is -t / (1 + t^2)^(3/2), for however small a t."""
    eps = float(np.finfo(dtype).eps)
    tiny = eps / 4
    x, y = np.asarray([[1.0, tiny]], dtype), np.asarray([[0.0, 1.0]], dtype)
    _, (gradient, _) = gradients(backend, ls.get("negative_cosine"), x, y)
    assert gradient[0, 0] == pytest.approx(tiny, rel=8 * eps, abs=0)
    assert gradient[0, 1] == pytest.approx(-1.0, rel=8 * eps)


def test_a_direction_is_of_length_one_whatever_the_length(array, plain):
    unit, zero = normalize(array([[3e300, -4e300], [3e-300, 4e-300], [0.0, -7.0], [0.0, 0.0]]))
    assert plain(zero).tolist() == [False, False, False, True]
    assert plain(unit) == pytest.approx(np.asarray([[0.6, -0.8], [0.6, 0.8], [0.0, -1.0], [0.0, 0.0]]), rel=1e-14)


def test_a_distance_whose_square_overflows_costs_an_unlike_pair_nothing(backend):
    first, second, unlike = (backend.from_numpy(np.asarray(x, np.float32)) for x in ([[3e19, 0]], [[0, 0]], [1]))
    value, gradient = ls.contrastive.value_and_grad(first, second, unlike)
    assert backend.to_numpy(value) == 0
    assert backend.to_numpy(gradient).tolist() == [[0.0, 0.0]]


def test_equal_similar_vectors_have_the_curvature_of_a_square(backend):
    """Half a squared distance has second derivative 1 at distance 0 too, where the distance itself has a kink."""
    same = backend.from_numpy(np.asarray([[0.5, -1.0], [0.0, 0.0]]))
    gradient, hessian = ls.contrastive.grad_hess(same, same, backend.from_numpy(np.zeros(2)))
    assert backend.to_numpy(gradient).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert backend.to_numpy(hessian).tolist() == [[1.0, 1.0], [1.0, 1.0]]


# The hardest triplets of a batch.


def test_batch_hard_is_the_triplet_loss_of_the_furthest_positive_and_the_nearest_negative(array, plain):
    x, labels = np.asarray([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0], [0.0, 4.5]]), np.asarray([0, 0, 0, 1])
    got = plain(ls.batch_hard_triplet.per_example(array(x), array(labels), margin=0.5))
    exact = plain(ls.triplet_margin.per_example(*map(array, (x[:3], x[[1, 0, 1]], x[[3] * 3])), margin=0.5))
    assert np.allclose(got, [*exact, 0.0], rtol=1e-15)


def test_a_masked_example_is_in_no_hardest_triplet(array, plain):
    x, labels = np.asarray([[0.0], [9.0], [1.0], [2.5]]), np.asarray([0, 0, 0, 1])
    mask = np.asarray([True, False, True, True])
    got = plain(ls.batch_hard_triplet.per_example(array(x), array(labels), where=array(mask), margin=1.0))
    assert got.tolist() == [0.0, 0.0, 0.5, 0.0]


def test_examples_that_coincide_and_lone_ones_have_finite_gradients(array, plain):
    x = np.ones((3, 2))
    value, gradient = ls.batch_hard_triplet.value_and_grad(array(x), array(np.asarray([0, 0, 1])), margin=1.0)
    assert np.allclose(plain(value), 2 / 3)
    assert not plain(gradient).any()
    assert plain(ls.batch_hard_triplet(array(x), array(np.asarray([0, 0, 0])), soft=True)) == 0


# The order of similarities.


def pairs_of_cosines(*cosines):
    return np.asarray([[1.0, 0.0]] * len(cosines)), np.asarray([[c, np.sqrt(1 - c * c)] for c in cosines])


def test_cosent_of_labels_of_two_kinds_is_a_product_of_two_sums(array, plain):
    got = ls.cosent(*map(array, (*pairs_of_cosines(0.9, 0.8, 0.1, 0.3), np.asarray([1.0, 1.0, 0.0, 0.0]))), scale=2.0)
    low, high = np.exp(2 * np.asarray([0.1, 0.3])).sum(), np.exp(-2 * np.asarray([0.9, 0.8])).sum()
    assert np.allclose(plain(got), np.log1p(low * high), rtol=1e-14)


def test_cosent_of_equal_labels_and_of_one_pair_is_0(array, plain):
    assert plain(ls.cosent(*map(array, (*pairs_of_cosines(0.9, 0.1), np.asarray([2.0, 2.0]))))) == 0
    assert plain(ls.cosent(*map(array, (*pairs_of_cosines(0.9), np.asarray([2.0]))))) == 0


def test_a_masked_pair_is_compared_with_none(array, plain):
    mask, labels = array(np.asarray([True, False, True])), array(np.asarray([1.0, np.nan, 0.5]))
    got = plain(ls.cosent.per_example(*map(array, pairs_of_cosines(0.9, 0.8, 0.1)), labels, where=mask, scale=1.0))
    assert np.allclose(got, np.log1p(np.exp(0.1 - 0.9)) * np.asarray([1, 0, 1]), rtol=1e-14)


def test_the_gradient_in_a_negative_is_a_direction_in_its_small_coordinates_too(backend):
    rows = ([[0.0, 1e-10]], [[0.0, 3.0]], [[2.0, 3e-10]])
    anchors, positives, negatives = (backend.from_numpy(np.asarray(x, dtype=np.float32)) for x in rows)
    _, found = ls.triplet_margin.value_and_grad(
        *(anchors, positives, negatives), margin=9.0, wrt=("positives", "negatives")
    )
    towards, away = (backend.to_numpy(gradient)[0] for gradient in found)
    assert away == pytest.approx([-1.0, -1e-10], rel=1e-6)
    assert towards == pytest.approx([0.0, 1.0], rel=1e-6)


def test_the_gradient_of_squared_distances_does_not_hold_the_vector_that_is_far_away(backend):
    """That of the negative is 2 (anchor - negative); a positive of length 1e8 would leave nothing of it."""
    rows = ([[0.25, -0.5]], [[3e8, 1e8]], [[1.0, 0.75]])
    anchors, positives, negatives = (backend.from_numpy(np.asarray(x, dtype=np.float32)) for x in rows)
    _, gradient = ls.triplet_margin.value_and_grad(
        *(anchors, positives, negatives), distance="squared", wrt="negatives"
    )
    assert backend.to_numpy(gradient).tolist() == [[-1.5, -2.5]]


def test_the_gradient_of_a_semi_hard_negative_does_not_hold_the_positive_that_is_far_away(backend):
    x = np.asarray([[0.25, -0.5], [3e8, 1e8], [1.0, 0.75]], dtype=np.float32)
    first = backend.from_numpy(np.asarray([1.0, 0.0, 0.0], dtype=np.float32))
    _, gradient = ls.semi_hard_triplet.value_and_grad(
        *map(backend.from_numpy, (x, np.asarray([0, 0, 1]))), sample_weight=first, reduction="sum"
    )
    assert backend.to_numpy(gradient)[2].tolist() == [-1.5, -2.5]


def test_vectors_near_to_different_axes_keep_the_digits_of_their_gradient(backend):
    """Their cosine is small, and a gap of nearly 1 does not have its digits; the gradient is (c u - v) / |x|."""
    x, y = np.float32([1.0, 1e-3, 1e-7]), np.float32([1e-6, 1e-12, 1.0])
    found = ls.cosine_distance.grad(*(backend.from_numpy(v[None, :]) for v in (x, y)))
    u, v = (z.astype(np.float64) / np.sqrt(np.sum(z.astype(np.float64) ** 2)) for z in (x, y))
    right = (np.sum(u * v) * u - v) / np.sqrt(np.sum(x.astype(np.float64) ** 2))
    assert backend.to_numpy(found)[0] == pytest.approx(right, rel=1e-6)
