"""Law: the page of ways through is read in a real browser in both languages: it fits, turns, and has its letters.

Needs Chromium and its driver, and for Persian a font that has its letters; skipped in one visible line without them.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import sys
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from clampdown.assess import ways as doc
from clampdown.publish.ways_page import page
from clampdown.publish.words.ways_page import load

sys.path.insert(0, str(Path(__file__).parent))
import ways

pytestmark = [
    pytest.mark.browser,
    # Selenium and axe-core's binding open sockets and files that they leave to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
WIDTHS = (320, 380, 1280)
OPEN = "document.querySelectorAll('details').forEach(each => { each.open = true })"


@pytest.fixture(scope="module", params=["en", "fa"])
def spoken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """(language, address) of a page with every section."""
    file = tmp_path_factory.mktemp("ways") / f"access-{request.param}.html"
    file.write_bytes(page(ways.full(9), request.param))
    return request.param, file.as_uri()


def opened(browser: Any, address: str, width: int, *, dark: bool = False) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(address)


def picture(browser: Any, box: dict[str, float]) -> bytes:
    """A part of the page as a browser shows it: rows of grey values."""
    clip = {**box, "scale": 1}
    made = browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    return grey(base64.b64decode(made["data"]))


def grey(png: bytes) -> bytes:
    """The pixels of an 8-bit RGB or RGBA picture, one byte each (its first channel)."""
    data, packed = io.BytesIO(png[8:]), b""
    width = height = channels = 0
    while head := data.read(8):
        size, kind = struct.unpack(">I4s", head)
        body = data.read(size + 4)[:-4]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert depth == 8
            channels = {2: 3, 6: 4}[colour]
        elif kind == b"IDAT":
            packed += body
    raw, stride = zlib.decompress(packed), width * channels
    before, made = bytearray(stride), bytearray()
    for y in range(height):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for x in range(stride):
            a = line[x - channels] if x >= channels else 0
            b, c = before[x], before[x - channels] if x >= channels else 0
            near = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[x] = (line[x] + (0, a, b, (a + b) // 2, near)[kind]) & 255
        made += line[::channels]
        before = line
    return bytes(made)


def test_nothing_leaves_the_page(browser: Any, spoken: tuple[str, str]) -> None:
    browser.get_log("performance")
    opened(browser, spoken[1], 1280)
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert asked == [spoken[1]]
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_and_turns(browser: Any, spoken: tuple[str, str], width: int) -> None:
    """No overflow, the direction of the language, and every text of the picture inside of it."""
    language, address = spoken
    opened(browser, address, width)
    browser.execute_script(OPEN)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    direction = browser.execute_script("return getComputedStyle(document.body).direction")
    assert direction == ("rtl" if language == "fa" else "ltr")
    outside = """
      return [...document.querySelectorAll('.plot text')].map(text => {
        const t = text.getBoundingClientRect(), box = text.closest('figure').getBoundingClientRect(),
              own = text.closest('svg').getBoundingClientRect();
        return [text.textContent, t.width > 0 && t.left >= box.left - 1 && t.right <= box.right + 1
          && t.top >= own.top - 2 && t.bottom <= own.bottom + 2];
      }).filter(([, inside]) => !inside)"""
    assert browser.execute_script(outside) == []
    crossing = """
      return [...document.querySelectorAll('.plot li')].filter(row => {
        const [a, b] = ['.lab text', '.val text'].map(s => row.querySelector(s).getBoundingClientRect());
        return a.left < b.right && b.left < a.right && Math.abs(a.bottom - b.bottom) < 20;  // from line to line
      }).map(row => row.textContent)"""
    assert browser.execute_script(crossing) == []


def test_the_layout_is_mirrored(browser: Any, spoken: tuple[str, str]) -> None:
    """The first column, the labels of the picture and the points of 0 % stand where reading begins."""
    language, address = spoken
    opened(browser, address, 1280)
    middles = """
      const middle = (s) => { const b = document.querySelector(s).getBoundingClientRect();
        return (b.left + b.right) / 2 };
      const none = [...document.querySelectorAll('.ruler text')][0].getBoundingClientRect();
      const all = [...document.querySelectorAll('.ruler text')].at(-1).getBoundingClientRect();
      return [middle('.ways thead th:first-child'), middle('.ways thead th:last-child'),
        middle('.plot .lab text'), middle('.plot .val text'), none.left, all.left];"""
    first, last, label, value, none, whole = browser.execute_script(middles)
    signs = {first < last, label < value, none < whole}
    assert signs == {language == "en"}


def test_numbers_keep_their_order(browser: Any, spoken: tuple[str, str]) -> None:
    """AS64500 reads from left to right, and so do the digits of a count."""
    opened(browser, spoken[1], 1280)
    order = """
      const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
      while (walk.nextNode()) {
        const text = walk.currentNode, at = text.data.search(/AS\\d{5}|[۰-۹]{2}/);
        if (at < 0 || !text.parentElement.getClientRects().length) continue;
        const place = (i) => { const r = document.createRange(); r.setStart(text, i); r.setEnd(text, i + 1);
          return r.getBoundingClientRect().left; };
        found.push(place(at) < place(at + 1));
      }
      return found"""
    found = browser.execute_script(order)
    assert len(found) > 10
    assert all(found)


def test_persian_has_real_letters(browser: Any, tmp_path: Path) -> None:
    """Each letter of Persian is drawn otherwise than the box of a letter that no font has, and letters join."""
    (tmp_path / "fa.html").write_bytes(page(ways.full(2), "fa"))
    opened(browser, (tmp_path / "fa.html").as_uri(), 1280)
    put = """
      const [text, size] = arguments, box = document.createElement('span');
      document.getElementById('probe')?.remove();
      box.id = 'probe'; box.lang = 'fa'; box.textContent = text;
      document.querySelector('main').prepend(box);
      const style = box.attributeStyleMap;
      style.set('display', 'inline-block'); style.set('font-size', CSS.px(size)); style.set('line-height', 2);
      const b = box.getBoundingClientRect();
      return {x: b.left, y: b.top + scrollY, width: Math.ceil(b.width), height: Math.ceil(b.height)}"""

    def drawn(text: str, size: int = 24) -> tuple[float, bytes]:
        box = browser.execute_script(put, text, size)
        return box["width"], picture(browser, box)

    missing = drawn("\U000e0ff0\ufdd0")[1], drawn("\uffff")[1]
    letters = "پچژگکیآسعفله۴۵۶"
    shapes = {letter: drawn(letter) for letter in letters}
    assert len({shape for _, shape in shapes.values()}) == len(letters), "letters look alike: no font has them"
    assert not any(shape in missing for _, shape in shapes.values())
    joined, apart = drawn("سلام")[0], drawn("س\u200cل\u200cا\u200cم")[0]
    assert joined < apart, "letters do not join"


def test_words_in_the_picture_are_the_words_of_the_language(browser: Any, spoken: tuple[str, str]) -> None:
    language, address = spoken
    opened(browser, address, 1280)
    said = browser.execute_script("return [...document.querySelectorAll('.plot .val')].map(e => e.textContent)")
    states = load(language)["state"]
    assert any(states["works"] in text for text in said)
    assert not any(states["untested"] in text for text in said)
    listed = browser.execute_script("return document.querySelectorAll('.nobody li .sign-untested').length")
    assert listed == 2
    silent = """return [...document.querySelectorAll('.plot li')].filter(row => row.querySelector('.nothing'))
      .map(row => row.querySelectorAll('circle,rect,path').length)"""
    assert browser.execute_script(silent) == [0]


def test_untested_does_not_look_like_working(browser: Any, spoken: tuple[str, str]) -> None:
    """Computed, and as pixels: no fill of working, and a hatch or an empty frame instead."""
    for dark in (False, True):
        opened(browser, spoken[1], 1280, dark=dark)
        look = """
          const of = (s) => { const e = getComputedStyle(document.querySelector('td.' + s));
            return [e.backgroundColor, e.backgroundImage.split('(')[0], e.outlineStyle] };
          return ['w-works', 'w-insufficient', 'w-untested'].map(of)"""
        works, few, none = browser.execute_script(look)
        assert works[0] != "rgba(0, 0, 0, 0)"
        assert few[:2] == ["rgba(0, 0, 0, 0)", "repeating-linear-gradient"]
        assert none == ["rgba(0, 0, 0, 0)", "none", "dashed"]
        assert works[0] not in (few[0], none[0])


@pytest.mark.parametrize(("language", "width", "dark"), [("fa", 380, True), ("en", 1280, False)])
def test_axe_finds_nothing(browser: Any, tmp_path: Path, language: str, width: int, dark: bool) -> None:
    spec = find_spec("axe_selenium_python")
    if spec is None or spec.origin is None:
        pytest.skip("axe-selenium-python is not installed: the page's accessibility cannot be checked")
    # One way of each state is enough for its eyes, which look at every cell for seconds.
    each = tuple(ways.way("tor", state, state, counted=(ways.counted(),)) for state in doc.STATES)
    access = ways.access((*each, ways.way(network=64500)), usage=ways.USAGE, conflicts=ways.CONFLICTS)
    (tmp_path / "page.html").write_bytes(page(access, language))
    opened(browser, (tmp_path / "page.html").as_uri(), width, dark=dark)
    browser.execute_script("document.querySelectorAll('details').forEach((each, i) => { each.open = i % 4 == 2 })")
    browser.execute_script("document.querySelectorAll('#methods details').forEach(each => { each.open = true })")
    # The script comes in through the driver, so the page's policy stays as it is.
    browser.execute_script((Path(spec.origin).parent / "node_modules/axe-core/axe.min.js").read_text("utf-8"))
    found = browser.execute_async_script("axe.run(document).then(arguments[0])")
    problems = [(v["id"], v["help"], v["nodes"][0]["html"][:200], len(v["nodes"])) for v in found["violations"]]
    assert problems == []
    assert len(found["passes"]) > 10


def test_the_picture_of_the_page_differs_by_language(browser: Any, tmp_path: Path) -> None:
    """A screenshot of each: something is drawn, and Persian is no mirror or copy of English."""
    shots = []
    for language in ("en", "fa"):
        (tmp_path / f"{language}.html").write_bytes(page(ways.counts_only(), language))
        opened(browser, (tmp_path / f"{language}.html").as_uri(), 380)
        shots.append(picture(browser, {"x": 0, "y": 0, "width": 380, "height": 240}))
    assert shots[0] != shots[1]
    for shot in shots:
        assert 0.02 < sum(value < 128 for value in shot) / len(shot) < 0.5
