"""Losses as metrics of torchmetrics: whatever the batches, the value is the loss of all data."""

import numpy as np
import pytest
import torch
import torchmetrics

import lossspec as ls
from lossspec.errors import ContractError, MergeError
from lossspec.integrations import torchmetrics_metric
from lossspec.integrations.torchmetrics_metric import LossMetric

torch.manual_seed(0)
LOGITS, LABELS, WEIGHT = torch.randn(10, 3), torch.randint(3, (10,)), torch.rand(10)
CASES = {
    "a mean": ls.cross_entropy,
    "class weights": ls.cross_entropy.configured(class_weight=torch.tensor([1.0, 2.0, 3.0]), ignore_index=1),
    "an aggregate": ls.perplexity,
    "a sum of losses": ls.cross_entropy + 0.5 * ls.focal,
    "the rows": ls.cross_entropy.configured(reduction="batch_mean"),
    "the units": ls.cross_entropy.configured(reduction="count_mean", label_smoothing=0.1),
    "a sum": ls.cross_entropy.configured(reduction="sum"),
}
without_data = pytest.mark.filterwarnings("ignore:The ``compute`` method of metric LossMetric was called before")


def filled(loss, slices):
    metric = LossMetric(loss)
    for rows in slices:
        metric.update(LOGITS[rows], LABELS[rows], sample_weight=WEIGHT[rows])
    return metric


@pytest.mark.parametrize("name", CASES)
def test_batches_of_any_size_are_the_loss_of_all_rows(name):
    metric = filled(CASES[name], (slice(0, 3), slice(3, 4), slice(4, 10)))
    whole = CASES[name](LOGITS, LABELS, sample_weight=WEIGHT)
    assert torch.allclose(metric.compute().float(), whole, rtol=1e-6)
    metric.reset()
    metric.update(LOGITS[:3], LABELS[:3])
    assert torch.allclose(metric.compute().float(), CASES[name](LOGITS[:3], LABELS[:3]), rtol=1e-6)


def test_forward_is_the_value_of_the_batch_and_statistics_may_have_an_axis():
    predictions, targets = torch.rand(6, 2, 4, 4), (torch.rand(6, 2, 4, 4) > 0.5).float()
    metric = LossMetric(ls.batch_dice)
    for rows in (slice(0, 2), slice(2, 6)):
        assert torch.allclose(
            metric(predictions[rows], targets[rows]).float(), ls.batch_dice(predictions[rows], targets[rows])
        )
    assert torch.allclose(metric.compute().float(), ls.batch_dice(predictions, targets))


@without_data
@pytest.mark.parametrize("name", [*CASES, "statistics of channels"])
def test_ranks_are_the_loss_of_all_rows_and_one_may_have_none(name, monkeypatch):
    """Three ranks in one process: they gather the states that the others have."""
    inputs = (LOGITS, LABELS) if name in CASES else (torch.rand(10, 2, 4), (torch.rand(10, 2, 4) > 0.5).float())
    loss = CASES.get(name, ls.batch_dice)
    ranks = [LossMetric(loss, distributed_available_fn=lambda: True) for _ in range(3)]
    for rows, metric in ((slice(0, 3), 0), (slice(3, 4), 1), (slice(4, 10), 0)):
        ranks[metric].update(*(x[rows] for x in inputs))
    gathered = iter([[rank.sums for rank in ranks], [rank.layout for rank in ranks]])
    monkeypatch.setattr(torchmetrics_metric, "gather_all_tensors", lambda state, group: next(gathered))
    assert torch.allclose(ranks[2].compute().float(), loss(*inputs), rtol=1e-6)


def test_losses_that_begin_alike_stay_apart_in_a_collection():
    """A collection shares the state of metrics that are equal after the first batch."""
    found = torchmetrics.MetricCollection({"huber": LossMetric(ls.huber), "square": LossMetric(ls.half_squared_error)})
    for x in (0.1, 5.0):
        found.update(torch.tensor([x]), torch.tensor([0.0]))
    values = {name: float(value) for name, value in found.compute().items()}
    assert values == pytest.approx({"huber": (0.005 + 4.5) / 2, "square": (0.005 + 12.5) / 2})


def test_a_sum_of_many_small_batches_keeps_its_digits():
    metric = LossMetric(ls.absolute_error.configured(reduction="sum"))
    metric.update(torch.tensor([1e8]), torch.zeros(1))
    for _ in range(100):
        metric.update(torch.ones(1), torch.zeros(1))
    assert float(metric.compute()) == 1e8 + 100


def test_a_metric_is_copied_saved_and_loaded(pickled):
    metric = filled(CASES["a mean"], [slice(0, 10)])
    assert pickled(metric).compute() == metric.compute()
    metric.persistent(True)
    other = LossMetric(CASES["a mean"])
    other.load_state_dict(metric.state_dict())
    other._update_count = 1  # which a state does not hold
    assert other.compute() == metric.compute()


@without_data
def test_nothing_is_nan_or_what_empty_says():
    assert np.isnan(float(LossMetric(ls.huber).compute()))
    metric = LossMetric(ls.huber.configured(empty=0.0))
    metric.update(torch.zeros(0), torch.zeros(0))
    assert float(metric.compute()) == 0.0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: LossMetric("huber"), ContractError, "which is no loss"),
        (lambda: LossMetric(ls.info_nce), MergeError, "info_nce has no partials"),
        (lambda: LossMetric(ls.huber.configured(reduction="none")), ContractError, "not reduced. Fix: configure"),
        (
            lambda: LossMetric(ls.huber).update(torch.zeros(1), torch.zeros(1), delta=2.0),
            ContractError,
            r"Fix: LossMetric\(loss.configured\(delta=...\)\)",
        ),
        (
            lambda: (
                (metric := LossMetric(ls.batch_dice))
                and [metric.update(torch.zeros(1, n, 2), torch.zeros(1, n, 2)) for n in (2, 3)]
            ),
            MergeError,
            "statistics of several sizes",
        ),
    ],
)
def test_what_is_no_metric_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
