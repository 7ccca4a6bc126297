"""A loss found by the name of another library computes the same as that library at its defaults."""

import inspect
from functools import cache
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

import lossspec as ls
from lossspec.conformance.bench import Bench
from lossspec.conformance.cases import make_cases
from lossspec.conformance.peers import names_of
from lossspec.conformance.probes import probe_of
from lossspec.dispatch import get_backend
from lossspec.registry import get, meanings

# Calls of other libraries at their defaults: of the function or class of a name, with our inputs in our order.


def numbers(x, *others):
    """Tensors, with signs and indicators, which have the shape of the first, as numbers of its dtype."""
    torch = import_module("torch")
    return x, *(a.to(x.dtype) if a.dtype == torch.int64 and a.shape == x.shape else a for a in others)


def one_hot(labels, scores):
    """Labels as distributions, where they are not yet."""
    return labels if labels.shape == scores.shape else np.eye(scores.shape[-1])[labels]


def torch_one_hot(labels, scores):
    return import_module("torch").as_tensor(one_hot(labels.numpy(), scores))


def torch_call(f, *x):
    x = numbers(*x)
    return f()(*x) if inspect.isclass(f) else f(*x)


def pml_with_weights(f, x, weights, labels):
    torch = import_module("torch")
    return torch.func.functional_call(f(*weights.shape), {"W": weights.T}, (x, labels))


def pml_with_proxies(f, x, proxies, labels):
    torch = import_module("torch")
    return torch.func.functional_call(f(*proxies.shape), {"proxies": proxies}, (x, labels))


def keras_call(f, x, y):
    x, y = numbers(x, y)
    if hasattr(f, "update_state"):
        metric = f()
        metric.update_state(y, x)
        return metric.result()
    return f()(y, x) if inspect.isclass(f) else f(y, x).mean()  # a function is an identifier of `compile(loss=...)`


def keras_categorical(f, x, y):
    sparse = f.__name__.lower().startswith("sparse")
    return keras_call(f, x, y if sparse else torch_one_hot(y, x))


def keras_ctc(f, x, labels, _, lengths):
    torch = import_module("torch")
    y = torch.where(torch.arange(labels.shape[1]) < lengths[:, None], labels, 0)
    return f()(y, x) if inspect.isclass(f) else f(y, x).mean()


def jax_call(f, x, *others):
    return f(x, *(a.astype(x.dtype) if a.dtype.kind == "i" and a.shape == x.shape else a for a in others))


def optax_classes(f, x, y):
    return f(x, y if "integer" in f.__name__ else one_hot(y, x))


def optax_ctc(f, x, labels, lengths, label_lengths):
    jnp = import_module("jax.numpy")
    beyond, beyond_labels = (jnp.arange(a.shape[1]) >= n[:, None] for a, n in ((x, lengths), (labels, label_lengths)))
    return f(x, beyond.astype(x.dtype), labels, beyond_labels.astype(x.dtype))


def sklearn_call(f, x, y, **options):
    if f.__name__.endswith("ArrayAPI"):
        options |= {"xp": import_module("array_api_compat.numpy"), "device": "cpu"}
    y = y.astype(x.dtype)
    return f(**options)(y, x) if inspect.isclass(f) else f(y, x, **options)


LIBRARIES = {
    "torch": ("torch", torch_call, "torch.nn.functional", "torch.nn"),
    "keras": ("torch", keras_call, "keras.losses", "keras.regularizers", "keras.metrics"),
    "optax": ("jax", jax_call, "optax.losses"),
    "sklearn": ("numpy", sklearn_call, "sklearn.metrics", "sklearn._loss.loss"),
    "rax": ("jax", jax_call, "rax"),
    "monai": ("torch", torch_call, "monai.losses"),
    "torchvision": ("torch", torch_call, "torchvision.ops"),
    "pml": ("torch", torch_call, "pytorch_metric_learning.losses"),
    "timm": ("torch", torch_call, "timm.loss"),
    "torchmetrics": (
        "torch",
        torch_call,
        "torchmetrics.functional",
        "torchmetrics.image",
        "torchmetrics.functional.image",
    ),
}
"""The backend of each, how it is called, and the modules with its names."""
CALLS = {
    ("torch", "ctc"): lambda f, p, *rest: torch_call(f, p.transpose(0, 1), *rest),
    ("keras", "categorical_cross_entropy"): keras_categorical,
    ("keras", "categorical_hinge"): keras_categorical,
    ("keras", "ctc_with_logits"): keras_ctc,
    ("timm", "cross_entropy"): lambda f, x, y: f()(x, y if f.__name__[0] == "L" else torch_one_hot(y, x)),
    ("keras", "elastic_net"): lambda f, x: f()(x),
    ("optax", "cross_entropy"): optax_classes,
    ("optax", "poly1_cross_entropy"): optax_classes,
    ("optax", "ctc_with_logits"): optax_ctc,
    ("sklearn", "cross_entropy"): lambda f, x, y: sklearn_call(f, x, y, n_classes=x.shape[-1]),
    ("sklearn", "categorical_cross_entropy"): lambda f, x, y: sklearn_call(f, x, y, labels=np.arange(x.shape[-1])),
    ("pml", "large_margin_softmax"): lambda f, x, labels, weights: pml_with_weights(f, x, weights, labels),
    ("pml", "arcface"): pml_with_weights,
    ("pml", "cosface"): pml_with_weights,
    ("pml", "proxy_anchor"): pml_with_proxies,
    ("pml", "proxy_nca"): pml_with_proxies,
    ("pml", "vicreg"): lambda f, x, y: f()(x, ref_emb=y),
}
"""Calls of libraries that take other arguments than we, or the same in another order."""
TAKEN = {
    ("optax", "binary_sparsemax"): lambda x, y: (x, np.round(y)),
    ("sklearn", "binary_brier"): lambda x, y: (x, np.round(y)),
    ("monai", "sigmoid_focal"): lambda x, y: (x[:, None], np.round(y)[:, None]),
    ("keras", "squared_log_error"): lambda x, y: (abs(x), abs(y)),
    ("keras", "ctc_with_logits"): lambda x, y, lengths, n: (x, y, np.full_like(lengths, x.shape[1]), n),
    ("optax", "ctc_with_logits"): lambda x, y, lengths, n: (x, y, np.full_like(lengths, x.shape[1]), n),
}
"""The inputs that a library takes, or takes for what they are, made of ours."""
NOT_COMPARED = {
    "torch:AdaptiveLogSoftmaxWithLoss": "it holds its weights; that it is equal is declared with the loss",
    "monai:SSIMLoss": "its number of dimensions has no default",
}
DIFFERS = {
    ("monai:GeneralizedDiceLoss", "real"): "it divides 0 by 0 where all classes are absent from the targets",
    ("optax:softmax_cross_entropy_with_integer_labels", "distribution"): "it takes labels only",
    ("sklearn:log_loss", "distribution"): "it takes labels only",
    ("sklearn:HalfMultinomialLoss", "distribution"): "it takes labels only",
    ("sklearn:HalfMultinomialLossArrayAPI", "distribution"): "it takes labels only",
    ("keras:SparseCategoricalCrossentropy", "distribution"): "it takes labels only",
    ("keras:sparse_categorical_crossentropy", "distribution"): "it takes labels only",
    ("timm:LabelSmoothingCrossEntropy", "distribution"): "it takes labels only",
    ("optax:multiclass_sparsemax_loss", "distribution"): "it takes labels only",
    ("torch:nll_loss", "distribution"): "it takes labels only",
    ("torch:NLLLoss", "distribution"): "it takes labels only",
    ("keras:CategoricalGeneralizedCrossEntropy", "distribution"): "it takes labels only",
}
"""Inputs that a library does not take, by a part of the name of their case, and why."""


@cache
def modules_of(library):
    backend, _, *places = LIBRARIES[library]
    names_of("torch" if backend == "torch" else "sklearn")  # prepares the import of those that import torchvision
    return [import_module(place) for place in places]


def function_of(meaning):
    modules = modules_of(meaning.name.partition(":")[0])
    found = next((getattr(module, meaning.bare) for module in modules if hasattr(module, meaning.bare)), None)
    return modules[0].get(meaning.bare) if found is None else found  # Keras knows some by an identifier only


def differences(loss, meaning):
    """The difference between a loss and the call of another library, on typical and on real inputs."""
    library = meaning.name.partition(":")[0]
    key = library, meaning.loss.contract.name
    backend = get_backend(LIBRARIES[library][0])
    bench = Bench(loss, backend, np.float64, backend.devices()[0])
    function, call = function_of(meaning), CALLS.get(key, LIBRARIES[library][1])
    for case in make_cases(meaning.loss.contract, np.float64):
        if case.options or not case.name.startswith(("typical", "real")):
            continue
        if any(name == meaning.name and part in case.name for name, part in DIFFERS):
            continue
        if probe_of(backend).compiles_by_shape and case.once:
            continue  # shapes of its own, which cost seconds
        values = TAKEN.get(key, lambda *values: values)(*case.inputs.values())
        with probe_of(backend).double_precision():
            arrays = [bench.put(value) for value in values]
            ours, theirs = loss(*arrays), call(function, *arrays)
            ours, theirs = (np.asarray(bench.fetch(backend.namespace.asarray(side))) for side in (ours, theirs))
        if ours.shape != theirs.shape:
            yield f"{case.name}: shape {ours.shape}, theirs {theirs.shape}"
        elif not np.allclose(ours, theirs, rtol=1e-4, atol=1e-5, equal_nan=True):  # beyond an eps of theirs
            yield f"{case.name}: {ours.ravel()[:3]}, theirs {theirs.ravel()[:3]}"


def why_not(meaning):
    """The reason not to compare a name, or an empty string."""
    library = meaning.name.partition(":")[0]
    if meaning.name in NOT_COMPARED or library not in LIBRARIES:
        return NOT_COMPARED.get(meaning.name, f"not run: {library} is not among the installed libraries")
    missing = [place for place in LIBRARIES[library][2:] if find_spec(place.partition(".")[0]) is None]
    return f"not run: {library} is not installed" if missing else ""


GIVEN = [meaning for meaning in meanings() if ":" in meaning.name]


@pytest.mark.parametrize("meaning", [m for m in GIVEN if not m.refusal], ids=lambda meaning: meaning.name)
@pytest.mark.filterwarnings("default")  # a peer's own warnings are not ours to mend
def test_a_name_means_what_its_library_computes_by_default(meaning):
    if why_not(meaning):
        pytest.skip(why_not(meaning))
    assert list(differences(get(meaning.name), meaning)) == []


@pytest.mark.filterwarnings("default")
def test_a_wrong_name_is_noticed():
    pytest.importorskip("keras")
    meaning = next(m for m in GIVEN if m.name == "keras:SparseCategoricalCrossentropy")
    assert len(list(differences(ls.cross_entropy, meaning))) == 2
    assert len(list(differences(ls.categorical_cross_entropy.configured(reduction="sum"), meaning))) == 2


P, LABELS = np.asarray([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]]), np.asarray([0, 2])
CONVERSIONS = {
    "keras:CategoricalFocalCrossentropy": lambda: ls.focal(np.log(P), LABELS, alpha=0.25),
    "keras:BinaryFocalCrossentropy": lambda: ls.sigmoid_focal(np.log(P) - np.log1p(-P), np.eye(3)[LABELS]),
    "keras:KLDivergence": lambda: ls.kl_divergence(np.log(P), np.eye(3)[LABELS]),
    "torch:KLDivLoss": lambda: ls.kl_divergence(np.log(P), np.eye(3)[LABELS], reduction=ls.Mean(over=P.size)),
    "sklearn:mean_poisson_deviance": lambda: (2.0 * ls.half_tweedie_identity.configured(power=1.0))(P[0], P[1]),
    "sklearn:mean_gamma_deviance": lambda: (2.0 * ls.half_tweedie_identity.configured(power=2.0))(P[0], P[1]),
    "sklearn:mean_tweedie_deviance": lambda: (2.0 * ls.half_tweedie_identity.configured(power=0.0))(P[0], P[1]),
}
"""The advice of the error for a name that is not here, followed."""
THEIRS = {
    "keras": lambda f: f()(np.eye(3)[LABELS], P),
    "torch": lambda f: f()(*map(import_module("torch").as_tensor, (np.log(P), np.eye(3)[LABELS]))),
    "sklearn": lambda f: f(P[1], P[0]),
}


@pytest.mark.parametrize("name", CONVERSIONS)
@pytest.mark.filterwarnings("default")
def test_what_an_error_advises_computes_what_the_library_does(name):
    (meaning,) = (m for m in GIVEN if m.name == name)
    if why_not(meaning):
        pytest.skip(why_not(meaning))
    with pytest.raises(ls.ContractError, match=f"{name}' is not here: .*{meaning.loss.contract.name}"):
        get(name)
    theirs = THEIRS[name.partition(":")[0]](function_of(meaning))
    assert float(CONVERSIONS[name]()) == pytest.approx(float(theirs), rel=1e-5)


# Every name of a library is one here, or it is said why not.

NO_LOSSES = {
    "optax": {"smooth_labels", "make_fenchel_young_loss"},  # make targets or losses, and are none
    "keras": {"Loss", "deserialize", "get", "serialize"},
    "sklearn": {"hamming_loss", "zero_one_loss", "label_ranking_loss", "coverage_error", "max_error"},  # of decisions
    "torch": set(),
    "rax": set(),
}
NOT_HERE = {
    "torch": {"LinearCrossEntropyLoss"},
    "optax": {
        "ctc_loss_with_forward_probs",
        "multiclass_generalized_dice_loss",  # is `dice` with weights made of the targets: docs/segmentation.md
    },
    "keras": set(),
    "sklearn": {"median_absolute_error"},
    "rax": {
        "pairwise_qr_loss",
        "pairwise_soft_zero_one_loss",
        "pointwise_sigmoid_loss",
    },
}
"""Losses that the catalogue has not."""
TORCH = """
mse_loss l1_loss smooth_l1_loss huber_loss poisson_nll_loss gaussian_nll_loss kl_div nll_loss cross_entropy
binary_cross_entropy binary_cross_entropy_with_logits hinge_embedding_loss margin_ranking_loss
triplet_margin_loss triplet_margin_with_distance_loss soft_margin_loss multi_margin_loss multilabel_margin_loss
multilabel_soft_margin_loss cosine_embedding_loss ctc_loss
"""
KERAS_IDENTIFIERS = "mse MSE mae MAE mape MAPE msle MSLE bce BCE kld KLD"


def public(path):
    module = pytest.importorskip(path)
    return {name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))}


def torch_names():
    return {
        *TORCH.split(),
        *(name for name in pytest.importorskip("torch.nn.modules.loss").__all__ if name != "NLLLoss2d"),
    }


def keras_names():
    names_of("sklearn")  # chooses the backend of Keras before it is imported
    return {*public("keras.losses"), *KERAS_IDENTIFIERS.split()}


def sklearn_names():
    found = pytest.importorskip("sklearn._loss.loss")
    classes = {name: value for name, value in vars(found).items() if inspect.isclass(value)}
    losses = {name for name, value in classes.items() if issubclass(value, found.BaseLoss) and name != "BaseLoss"}
    metrics = pytest.importorskip("sklearn.metrics").__all__
    return losses | {name for name in metrics if name.endswith(("_loss", "_error", "_deviance"))}


def rax_names():
    return {name for name in public("rax") if name.endswith("_loss")}


NAMES = {
    "torch": torch_names,
    "optax": lambda: public("optax.losses"),
    "keras": keras_names,
    "sklearn": sklearn_names,
    "rax": rax_names,
}


@pytest.mark.parametrize("library", NAMES)
@pytest.mark.filterwarnings("default")
def test_every_name_of_a_library_is_known(library):
    known = {meaning.name for meaning in meanings()}
    missing = {name for name in NAMES[library]() - NO_LOSSES[library] if f"{library}:{name}" not in known}
    assert missing == NOT_HERE[library]


# Bare names.


COMMON = """
DPO IPO KTO ORPO SimPO CPO GRPO PPO REINFORCE MSE mse MAE mae MAPE RMSE rmse bce BCE NLL KL CE SSIM MS-SSIM PSNR
LPIPS InfoNCE SimCLR NT-Xent SupCon CLIP SigLIP GIoU DIoU CIoU IoU BPR ListMLE RankNet GCE VICReg TripletLoss
CrossEntropyLoss BCEWithLogitsLoss mean_squared_error mean_absolute_error Hinge smooth_l1_loss
binary_crossentropy log_loss Huber SparseCategoricalCrossentropy brier_score_loss PolyLoss JSD TV
"""


@pytest.mark.parametrize("name", COMMON.split())
def test_a_common_name_is_found(name):
    assert isinstance(get(name), ls.Loss)


def test_a_bare_name_that_means_different_things_lists_them():
    text = (
        r"'huber_loss' differs between libraries: 'torch:huber_loss' is huber; 'optax:huber_loss' is huber\(reduction="
    )
    with pytest.raises(ls.ContractError, match=text):
        get("huber_loss")
    for name in ("HuberLoss", "hinge_loss", "ctc_loss", "mean_absolute_percentage_error", "DiceLoss", "FocalLoss",
                 "sigmoid_focal_loss", "triplet_margin_loss", "BarlowTwinsLoss", "SSIMLoss"):  # fmt: skip
        with pytest.raises(ls.ContractError, match=r"differs between libraries.*Fix: write the library before"):
            get(name)


def test_a_name_that_is_not_here_says_why():
    for name in ("KLDivergence", "kld", "CircleLoss", "SupConLoss", "MultiLabelMarginLoss", "CRF", "rnnt_loss",
                 "MCCLoss", "iou_loss", "ComboLoss", "eiou", "slic", "ContrastiveLoss", "keras:Circle",
                 "ListNet", "label_smoothing", "MASE", "RMSLE", "BYOL", "SphereFace", "RaGAN"):  # fmt: skip
        with pytest.raises(ls.ContractError, match=r"is not here: .*\. Near it is \w+\."):
            get(name)


def test_the_own_name_of_a_loss_wins():
    for name in ("cross_entropy", "kl_divergence", "log_cosh", "cosine_distance", "squared_error", "hinge", "huber"):
        assert get(name) is getattr(ls, name)


def test_bare_names_of_ours_mean_one_thing():
    for meaning in meanings():
        if ":" not in meaning.name and not meaning.refusal:
            assert get(meaning.name) == meaning.resolve()


def test_the_mean_of_torch_leaves_out_its_ignored_label():
    logits = np.asarray([[2.0, 0.0], [0.0, 1.0]])
    one = float(ls.cross_entropy(logits[:1], np.asarray([1])))
    for loss in (get("torch:cross_entropy"), get("CrossEntropyLoss")):
        assert float(loss(logits, np.asarray([1, -100]))) == one
        assert float(loss(logits, np.asarray([[0.5, 0.5], [1.0, 0.0]]))) > 0  # distributions have no ignored label
    with pytest.raises(ls.ContractError, match="`ignore_index` needs integer labels"):
        ls.cross_entropy(logits, np.asarray([[0.5, 0.5], [1.0, 0.0]]), ignore_index=-100)


def test_an_unknown_name_says_which_are_near():
    for name, near in {
        "mse_los": "mse_loss",
        "Focal": "focal or FocalLoss",
        "cross-entropy": "CrossEntropy or CrossEntropyLoss or cross_entropy",
        "dPo": "DPO or dpo",
        "torch:CTC": "keras:CTC",
        "crps": "gaussian_crps or ensemble_crps",
        "lovasz": "lovasz_hinge or lovasz_softmax",
        "router_z_loss": "z_loss",
        "kl_standard_normal": "gaussian_kl_standard",
        "FocalTversky": "focal_tversky",
    }.items():
        with pytest.raises(ls.ContractError) as caught:
            get(name)
        assert str(caught.value).startswith(f"no loss is called {name!r}. Did you mean ")
        assert set(near.split(" or ")) & set(str(caught.value).rpartition("mean ")[2].strip("?").split(" or "))
    with pytest.raises(ls.ContractError, match="a loss is found by its name, a string; got None"):
        get(None)


def test_a_name_that_does_not_reduce_elsewhere_does_not_reduce_here():
    x = np.asarray([1.0, 2.0])
    assert get("l2_loss")(x, x - 2.0).tolist() == [2.0, 2.0]
    assert get("mse_loss")(x, x).shape == ()
