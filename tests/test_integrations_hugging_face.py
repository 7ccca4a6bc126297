"""Losses as the `compute_loss_func` of a Trainer, against the formula that its models compute by themselves."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import lossspec as ls
from lossspec.errors import ContractError
from lossspec.integrations.hugging_face import trainer_loss

CLASSES, MICRO_BATCHES = 7, 4
CAUSAL = ls.cross_entropy.configured(ignore_index=-100)


def built_in(outputs, labels, num_items_in_batch=None):
    """The loss of a causal language model there: labels shifted by padding, a sum over the count or else a mean."""
    shifted = F.pad(labels, (0, 1), value=-100)[:, 1:].reshape(-1)
    logits = outputs["logits"].float().reshape(-1, outputs["logits"].shape[-1])
    if num_items_in_batch is None:
        return F.cross_entropy(logits, shifted, ignore_index=-100)
    return F.cross_entropy(logits, shifted, ignore_index=-100, reduction="sum") / num_items_in_batch


class Model(torch.nn.Module):
    """A causal language model of one position of context."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.embedding = torch.nn.Embedding(CLASSES, 4, dtype=dtype)
        self.head = torch.nn.Linear(4, CLASSES, dtype=dtype)

    def forward(self, tokens):
        return {"logits": self.head(self.embedding(tokens))}


def batches(lengths=(9, 3, 6, 2)):
    """Token sequences of different lengths, padded, whose first two labels are a prompt that does not count."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(CLASSES, (len(lengths), 9), generator=generator)
    position = torch.arange(9)
    counted = (position >= 1) & (position < torch.tensor(lengths)[:, None])
    return tokens, torch.where(counted, tokens, -100)


def step(model, compute_loss, tokens, labels, accumulation):
    """The loss and the gradients of one step, as the Trainer accumulates them."""
    model = copy.deepcopy(model)
    count = (labels[:, 1:] != -100).sum()
    total = torch.tensor(0.0)
    for some, of_some in zip(tokens.chunk(accumulation), labels.chunk(accumulation), strict=True):
        loss = compute_loss(model(some), of_some, num_items_in_batch=count)
        loss.backward()
        total += loss.detach()
    return [total, *(parameter.grad for parameter in model.parameters())]


@pytest.mark.parametrize("accumulation", [1, MICRO_BATCHES])
def test_a_step_is_that_of_the_built_in_loss(accumulation):
    torch.manual_seed(0)
    model = Model()
    ours = step(model, trainer_loss(CAUSAL), *batches(), accumulation)
    torch.testing.assert_close(ours, step(model, built_in, *batches(), accumulation))
    torch.testing.assert_close(ours, step(model, built_in, *batches(), 1))


def test_a_mean_of_means_would_not_pass():
    torch.manual_seed(0)
    tokens, labels = batches()
    outputs = [Model()(some) for some in tokens.chunk(MICRO_BATCHES)]
    means = [built_in(out, some) for out, some in zip(outputs, labels.chunk(MICRO_BATCHES), strict=True)]
    whole = built_in({"logits": torch.cat([out["logits"] for out in outputs])}, labels)
    assert abs(sum(means) / MICRO_BATCHES - whole) > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_evaluation_without_a_count_is_the_mean(dtype):
    torch.manual_seed(0)
    tokens, labels = batches()
    outputs = Model(dtype)(tokens)
    ours = trainer_loss(CAUSAL)(outputs, labels)
    torch.testing.assert_close(ours, built_in(outputs, labels))
    torch.testing.assert_close(trainer_loss(CAUSAL)((outputs["logits"],), labels), ours)


def test_without_a_shift_labels_stay_at_their_positions():
    logits, labels = torch.randn(6, CLASSES), torch.tensor([0, 3, 6, 1, 1, 2])
    ours = trainer_loss(ls.cross_entropy, shift=False)({"logits": logits}, labels, num_items_in_batch=12)
    torch.testing.assert_close(ours, F.cross_entropy(logits, labels, reduction="sum") / 12)


def test_it_trains_with_another_loss_and_goes_through_pickle():
    torch.manual_seed(0)
    model, (tokens, labels) = Model(), batches()
    compute_loss = pickle.loads(pickle.dumps(trainer_loss(ls.focal.configured(ignore_index=-100, gamma=1.0))))  # noqa: S301
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        losses.append(compute_loss(model(tokens), labels, 17))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("loss", [ls.cross_entropy, ls.cross_entropy.configured(ignore_index=0), CAUSAL + ls.focal])
def test_an_unignored_label_of_minus_100_is_an_error_that_says_so(loss):
    tokens, labels = batches()
    with pytest.raises(ContractError, match=r"hold -100, .* Fix: trainer_loss\(.*\.configured\(ignore_index=-100\)\)"):
        trainer_loss(loss)(Model()(tokens), labels, 17)
    trainer_loss(loss)(Model()(tokens), tokens, 17)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: trainer_loss(F.cross_entropy), "which is no loss"),
        (lambda: trainer_loss(ls.triplet_margin), "takes anchors, positives, negatives; a Trainer has"),
        (lambda: trainer_loss(ls.perplexity), "has no sum of its units"),
        (lambda: trainer_loss(CAUSAL)({"hidden": 1}, torch.ones(1)), "returns hidden and no `logits`"),
        (lambda: trainer_loss(CAUSAL)({"logits": torch.ones(1, 2, 3)}, None), "Fix: set `label_names`"),
        (lambda: trainer_loss(CAUSAL)({"logits": torch.ones(2, 3)}, torch.ones(2)), "Fix: trainer_loss.*shift=False"),
    ],
)
def test_what_a_trainer_cannot_use_is_refused(make, words):
    with pytest.raises(ContractError, match=words):
        make()
