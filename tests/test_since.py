"""Every public name has the version that it came with, on its page too, and no released name is lost in silence."""

import lossspec as ls
from lossdocs.figure import Drawn
from lossdocs.overview import public_api
from lossdocs.page import page
from lossspec.since import Released, lost, public_names, released, since

RECORD = Released({"0.0.1": ["huber"], "0.0.2": ["huber", "get", "old_loss"]}, {})


def pages():
    """The generated pages of the site that say a version."""
    written = {name: page(ls.get(name), Drawn("", "", "", "no figure")) for name in ls.names()}
    return {"api.md": public_api(), **{f"losses/{name}.md": text for name, text in written.items()}}


def test_a_name_has_the_first_release_that_had_it_or_the_version_to_come():
    assert since("huber", RECORD) == "0.0.1"
    assert since("get", RECORD) == "0.0.2"
    assert since("dice", RECORD) == ls.__version__


def test_a_released_name_is_there_or_its_removal_is_recorded():
    assert lost(RECORD) == ["old_loss"]
    assert lost(RECORD._replace(removed={"old_loss": "0.0.3"})) == []
    assert lost(released()) == []


def test_every_public_name_says_since_when_on_its_page():
    written = pages()
    losses = set(ls.names())
    assert {"get", "Loss", "value_and_grad", "huber"} <= set(public_names())
    for name in public_names():
        version = since(name)
        if name in losses:
            assert f"- **since**: {version}\n" in written[f"losses/{name}.md"]
        else:
            (row,) = (line for line in written["api.md"].splitlines() if line.startswith(f"| `lossspec.{name}` |"))
            assert row.endswith(f" {version} |")


def test_every_loss_is_public():
    assert set(ls.names()) <= set(public_names())
