"""Losses as modules of Torch: trained, saved, copied, compiled and exported."""

import copy
import io
import pickle
import sys

import numpy as np
import pytest
import torch

import lossspec as ls
from lossspec.errors import ContractError, DTypeError
from lossspec.integrations.torch_module import LossModule

torch.manual_seed(0)
LOGITS, LABELS = torch.randn(6, 3), torch.tensor([0, 2, 1, 1, 0, 2])
X, Y = torch.randn(40, 2), torch.randn(40, 2)
WEIGHT = torch.tensor([1.0, 2.0, 0.5])
CASES = {
    "buffer": (lambda: LossModule(ls.cross_entropy, class_weight=WEIGHT, label_smoothing=0.1), (LOGITS, LABELS)),
    "parameter": (lambda: LossModule(ls.huber, delta=torch.nn.Parameter(torch.tensor([[0.5, 2.0]]))), (X, Y)),
    "sum": (lambda: LossModule(0.5 * ls.huber + ls.squared_error, delta=torch.tensor(0.7), reduction="sum"), (X, Y)),
}


@pytest.fixture(params=CASES)
def case(request):
    make, inputs = CASES[request.param]
    return make(), inputs


def saved(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_a_module_is_torchs_own_with_its_class_weights():
    ours = LossModule(ls.cross_entropy, class_weight=WEIGHT, label_smoothing=0.1, ignore_index=1)
    theirs = torch.nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.1, ignore_index=1)
    torch.testing.assert_close(ours(LOGITS, LABELS), theirs(LOGITS, LABELS))


def test_tensors_are_buffers_and_learnable_ones_parameters_by_name():
    leaf = torch.tensor([0.5, 2.0], requires_grad=True)
    given = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    assert [name for name, _ in LossModule(ls.huber, delta=leaf).named_parameters()] == ["delta"]
    assert LossModule(ls.huber, delta=given).delta is given
    module = LossModule(ls.cross_entropy, class_weight=WEIGHT, reduction="sum")
    assert list(module.state_dict()) == [name for name, _ in module.named_buffers()] == ["class_weight"]
    assert module.class_weight is not WEIGHT
    assert module.double().class_weight.dtype == torch.float64
    module(LOGITS.double(), LABELS)


def test_no_argument_of_a_loss_is_an_attribute_of_a_module():
    taken = set(dir(LossModule(ls.huber))) | {"options", "arrays"}
    names = {key for name in ls.names() for key in (*ls.get(name).declared.parameters, *ls.get(name).contract.tail)}
    assert "class_weight" in names
    assert names & taken == set()


def test_a_learnable_argument_is_trained_with_the_model():
    model = torch.nn.Linear(2, 2)
    module = LossModule(ls.general_robust, scale=torch.nn.Parameter(torch.tensor(1.0)))
    optimizer = torch.optim.SGD([*model.parameters(), *module.parameters()], lr=0.1)
    first = module(model(X), Y)
    for _ in range(5):
        optimizer.zero_grad()
        module(model(X), Y).backward()
        optimizer.step()
    assert module.scale.item() != 1.0
    assert module(model(X), Y) < first


def test_a_state_goes_through_a_file_into_another_module(case):
    module, inputs = case
    state = saved(module.state_dict())
    assert set(state) == set(module.arrays)
    other = copy.deepcopy(module)
    with torch.no_grad():
        for value in other.state_dict().values():
            value.mul_(3)
    assert not torch.equal(other(*inputs), module(*inputs))
    other.load_state_dict(state)
    assert torch.equal(other(*inputs), module(*inputs))


@pytest.mark.parametrize(
    "loss",
    [
        ls.huber,
        ls.huber.configured(delta=2.0, reduction="sum"),
        0.5 * ls.huber + ls.squared_error,
        ls.cross_entropy.configured(class_weight=WEIGHT, reduction=ls.Mean(over=4)),
    ],
    ids=lambda loss: loss.contract.name,
)
def test_a_loss_among_hyperparameters_is_read_with_weights_only(loss):
    assert saved({"hyper_parameters": {"loss": loss}}) == {"hyper_parameters": {"loss": loss}}


def test_a_file_makes_no_module_be_imported(monkeypatch):
    file = io.BytesIO()
    torch.save(ls.huber, file)
    file.seek(0)
    monkeypatch.delitem(sys.modules, ls.huber.__module__)
    with pytest.raises(ContractError, match=r"Fix: import lossspec\.losses\.regression\.robust before"):
        torch.load(file, weights_only=True)
    assert ls.huber.__module__ not in sys.modules


def test_a_module_goes_through_pickle(case):
    module, inputs = case
    assert torch.equal(pickle.loads(pickle.dumps(module))(*inputs), module(*inputs))  # noqa: S301


def test_a_module_compiles_as_one_graph(case):
    module, inputs = case
    torch.compiler.reset()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*inputs), module(*inputs))


def test_a_module_exports_with_its_state(case):
    module, inputs = case
    exported = torch.export.export(module, inputs)
    assert set(exported.state_dict) == set(module.arrays)
    torch.testing.assert_close(exported.module()(*inputs), module(*inputs))


def test_a_call_takes_keywords_of_its_own():
    module = LossModule(ls.huber, delta=torch.tensor(0.5), reduction="sum")
    weight = torch.rand(40, 2)
    ours = module(X, Y, sample_weight=weight, delta=torch.tensor(2.0))
    assert torch.equal(ours, ls.huber(X, Y, delta=2.0, sample_weight=weight, reduction="sum"))


def test_the_text_of_a_module_names_the_loss_and_its_arguments():
    delta = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    assert repr(LossModule(ls.huber, delta=delta, reduction="sum")) == (
        "LossModule(huber, delta=parameter[2], reduction='sum')"
    )


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: LossModule("huber"), ContractError, "which is no loss"),
        (lambda: LossModule(ls.huber, delt=1.0), ContractError, "takes no argument `delt`"),
        (lambda: LossModule(ls.huber, delta=-1.0), ContractError, "its domain is"),
        (lambda: LossModule(ls.huber, where=torch.ones(2) > 0), ContractError, "belongs to the data of a call"),
        (lambda: LossModule(ls.huber, delta=np.ones(2)), DTypeError, r"Fix: delta=torch.asarray\(delta\)"),
        (
            lambda: LossModule(ls.huber, delta=2 * torch.nn.Parameter(torch.ones(2))),
            ContractError,
            "give it to the cal",
        ),
        (lambda: LossModule(ls.huber.configured(delta=torch.ones(2))), ContractError, "holds the array `delta`"),
        (lambda: LossModule(torch.tensor(2.0) * ls.huber), ContractError, "holds the array `a factor`"),
    ],
)
def test_what_a_module_cannot_hold_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
