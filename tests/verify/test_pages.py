"""The commands that the pages show print what the pages say."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lossspec.cli import app
from lossspec.testing import BackendSuite

DOCS = Path(__file__).parents[2] / "docs"
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
PAGES = {name: (DOCS / f"{name}.md").read_text("utf-8") for name in ("verify", "backends")}
SESSIONS = [
    (name, command, lines.splitlines())
    for name, page in PAGES.items()
    for block in CONSOLE.findall(page)
    for command, lines in re.findall(r"^\$ (.*)\n((?:(?!\$).*\n)*)", block, re.MULTILINE)
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with the files of the tutorial, as the current one."""
    for title, text in re.findall(r'```python title="(\w+\.py)"\n(.*?)```', PAGES["verify"], re.DOTALL):
        (tmp_path / title).write_text(text)
    (tmp_path / "runner.py").write_text((DOCS / "examples" / "runners" / "runner.py").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [str(tmp_path), *sys.path])
    yield
    sys.modules.pop("my_losses", None)


@pytest.mark.parametrize(("page", "command", "lines"), SESSIONS, ids=[command for _, command, _ in SESSIONS])
def test_a_command_prints_what_its_page_shows(page, command, lines):
    _, *words = shlex.split(command.replace("python runner.py", f"{sys.executable} runner.py"))
    result = CliRunner().invoke(app, words)
    output = result.output
    assert result.exit_code == (1 if re.search(r"  L\d \w+ +fail", output) else 0), output
    assert lines
    for line in lines:  # in their order, whatever stands between
        assert line in output, result.output
        output = output[output.index(line) + len(line) :]


def test_the_pages_show_commands():
    assert len(SESSIONS) >= 8


def test_the_class_that_the_page_shows_is_a_backend_and_its_suite_collects():
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", PAGES["backends"], re.DOTALL):
        exec(block, names)  # noqa: S102 - our own page
    assert issubclass(names["TestMyBackend"], BackendSuite)
    assert not names["backend"].available()
    assert names["backend"].dtypes == ("float32",)


def test_the_line_for_ci_runs():
    (line,) = re.findall(r"```sh\n(lossspec verify .*)\n```", PAGES["verify"])
    assert CliRunner().invoke(app, shlex.split(line)[1:]).exit_code == 0
    assert Path("badge.json").read_text().count("brightgreen") == 1
