"""The built site: links lead somewhere, nothing comes from elsewhere, and a browser shows and finds what it should.

`LOSSSPEC_SITE` names its folder; without it, that of `python docs/build.py`.
"""

import functools
import html.parser
import http.server
import json
import os
import shutil
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

import lossspec as ls

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
SITE = Path(os.environ.get("LOSSSPEC_SITE") or Path(__file__).parents[1] / "build" / "site")
pytestmark = pytest.mark.skipif(
    not (SITE / "index.html").exists(), reason="no built site; `python docs/build.py` makes one"
)
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(html.parser.HTMLParser):
    """The links, the anchors and what a page loads."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors, self.loads, self.tags = set(), set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append((tag, found))
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and "href" in found:
            self.links.add(found["href"])
        if tag in ("img", "script", "iframe") and "src" in found:
            self.loads.add(found["src"])
        if tag == "link" and found.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.add(found["href"])


def read(site):
    """All pages of a site by their file."""
    return {path: Page(path.read_text("utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}


def dead(site, pages):
    """The links and loads within a site that lead nowhere, with the page that has them."""
    found = set()
    for path, page in pages.items():
        for link in page.links | page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            to = to / "index.html" if to.is_dir() else to
            known = pages[to].anchors if to in pages else set()
            if not to.exists() or (parts.fragment and to in pages and unquote(parts.fragment) not in known):
                found.add((path.relative_to(site).as_posix(), link))
    return sorted(found)


@pytest.fixture(scope="module")
def pages():
    """The pages of the built site."""
    return read(SITE)


def test_links_lead_somewhere(pages):
    assert dead(SITE, pages) == []


def test_a_dead_link_is_seen(tmp_path):
    """Planted faults: a page that is not there, an anchor that is not there, a picture that is not there."""
    (tmp_path / "index.html").write_text('<a href="other.html">x</a><a href="#no">x</a><img src="no.png"><a id="yes">')
    (tmp_path / "good.html").write_text('<a href="index.html#yes">x</a><a href="https://example.org/no">x</a>')
    found = dead(tmp_path, read(tmp_path))
    assert found == [("index.html", "#no"), ("index.html", "no.png"), ("index.html", "other.html")]


def test_no_page_names_a_folder_of_the_machine():
    root = str(Path(__file__).parents[1])
    assert [path.name for path in SITE.rglob("*.html") if root in path.read_text("utf-8")] == []


def test_nothing_is_loaded_from_elsewhere(pages):
    loads = {load for page in pages.values() for load in page.loads}
    assert loads
    assert [load for load in loads if urlsplit(load).netloc] == []


@pytest.mark.parametrize("name", ls.names())
def test_a_page_has_its_formula_and_its_figure(pages, name):
    path = SITE / "losses" / name / "index.html"
    text = path.read_text("utf-8")
    assert any(tag == "math" for tag, _ in pages[path].tags)
    drawn = any(tag == "svg" and found.get("role") == "img" for tag, found in pages[path].tags)
    assert drawn or "no figure: " in text
    assert f"/losses/{name}/" in (SITE / "gallery" / "index.html").read_text("utf-8")
    assert not (SITE / "losses" / name / "$").exists()


def test_examples_are_shown_with_what_they_print_and_draw(pages):
    """The pictures are those of this run of the script: more than one colour, and none left over."""
    imread = pytest.importorskip("matplotlib.image", reason="the extra docs is not installed: no matplotlib").imread
    folder = SITE / "examples"
    page = (folder / "index.html").read_text("utf-8")
    drawing = {path.stem for path in EXAMPLES.glob("*.py") if "--plot" in path.read_text("utf-8")}
    assert len(drawing) > 3
    shown = {link for link in pages[folder / "index.html"].loads if link.endswith(".png") and "/" not in link}
    assert shown == {f"{stem}.png" for stem in drawing}
    for stem in drawing:
        picture = imread(folder / f"{stem}.png")[..., :3]
        assert min(picture.shape[:2]) > 200
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10
    assert "Not run when this page was made" not in page


def test_the_index_of_the_search_has_names_and_aliases():
    entries = json.loads((SITE / "search.json").read_text("utf-8"))["items"]
    text = {entry["location"].partition("#")[0]: "" for entry in entries}
    for entry in entries:
        text[entry["location"].partition("#")[0]] += f"{entry['title']} {entry['text']}"
    for name in ls.names():
        assert name in text[f"losses/{name}/"]
        assert [a for a in ls.get(name).contract.aliases if a.partition(":")[2] not in text[f"losses/{name}/"]] == []


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Print nothing."""


@pytest.fixture(scope="module")
def browser():
    """A page of a headless browser on the site, with what its console says."""
    driver = pytest.importorskip("playwright.sync_api", reason="the extra docs is not installed: no playwright")
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    handler = functools.partial(_Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with driver.sync_playwright() as started:
            chromium = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
            page = chromium.new_page()
            page.set_default_timeout(60_000)
            said, asked = [], []
            page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda request: asked.append(request.url))
            root = f"http://127.0.0.1:{server.server_address[1]}"
            yield page, root, said, asked
            chromium.close()
        server.shutdown()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("path", ["losses/huber/", "losses/dice/", "gallery/", "examples/", "losses/"])
def test_a_page_is_readable(browser, path, width, scheme):
    """Formula and figure are drawn, nothing is wider than the window, letters stand out, the console is silent."""
    page, root, said, asked = browser
    said.clear()
    asked.clear()
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{root}/{path}", wait_until="load")
    assert said == []
    assert [url for url in asked if not url.startswith((root, "data:", "blob:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert contrast(*page.evaluate(COLOURS)) > 4.5
    if path in ("losses/huber/", "losses/dice/"):
        math, figure = page.locator(".formula math").first.bounding_box(), page.locator(".curves svg").bounding_box()
        assert math["height"] > 20
        assert math["width"] > 60
        assert figure["height"] > 100
        assert figure["width"] >= 360 - 60
        assert page.evaluate("getComputedStyle(document.querySelector('.curves svg')).color") == page.evaluate(
            "getComputedStyle(document.querySelector('.md-typeset')).color"
        )


COLOURS = """() => {
  const style = (selector) => getComputedStyle(document.querySelector(selector));
  return [style('.md-typeset p').color, style('body').backgroundColor];
}"""


def contrast(text, ground):
    """The ratio of the luminances of two colours of CSS, the first laid over the second."""

    def parts(colour):
        return [float(part) for part in colour[colour.index("(") + 1 : -1].replace(",", " ").replace("/", " ").split()]

    back = parts(ground)[:3]
    *front, alpha = [*parts(text), 1.0][:4]
    mixed = [alpha * a + (1 - alpha) * b for a, b in zip(front, back, strict=True)]

    def luminance(colour):
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(mixed), luminance(back)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_grey_on_grey_is_seen():
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21.0)
    assert contrast("rgb(120, 120, 120)", "rgb(130, 130, 130)") < 1.5


def test_the_search_finds_a_loss_by_its_name_and_by_an_alias(browser):
    page, root, said, _ = browser
    said.clear()
    page.set_viewport_size({"width": 1280, "height": 900})
    for words, wanted in (("dice", "losses/dice/"), ("BCEWithLogitsLoss", "losses/binary_cross_entropy_with_logits/")):
        page.goto(root, wait_until="networkidle")
        page.keyboard.press("Control+k")
        page.wait_for_timeout(500)  # until the field has the focus
        page.keyboard.type(words, delay=20)
        found = page.locator(f'a[href*="?h={words}"]')  # the results; links of the page have no such query
        found.first.wait_for()
        assert any(wanted in link.get_attribute("href") for link in found.all())
    assert said == []


def test_a_tab_shows_the_call_of_another_framework(browser):
    page, root, _, _ = browser
    page.goto(f"{root}/losses/huber/", wait_until="load")
    assert not page.get_by_text("import torch").first.is_visible()
    page.get_by_text("Torch", exact=True).first.click()
    assert page.get_by_text("import torch").first.is_visible()
