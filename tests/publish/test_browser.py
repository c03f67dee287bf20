"""Law: the page opens from a file in a browser: nothing leaves it, it fits a telephone, and anyone can use it.

Needs Chromium and its driver; skipped in one visible line where they are absent.
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from clampdown import assess
from clampdown.assess.names import Names
from clampdown.assess.timeline import Detected
from clampdown.model import Terms
from clampdown.publish.page import page

sys.path.insert(0, str(Path(__file__).parent))
import cuts

pytestmark = [
    pytest.mark.browser,
    # Selenium and axe-core's binding open sockets and files that they leave to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
WIDTHS = ((320, 640), (360, 780), (768, 1024), (1280, 900))


@pytest.fixture(scope="module", params=["measured", "with signals"])
def address(
    request: pytest.FixtureRequest,
    world: tuple[pa.Table, pa.Table, pa.Table],
    names: Names,
    inputs: assess.Inputs,
    detected: Detected,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """A page with every section and few enough targets for a quick look."""
    question = assess.Question(country="XA", group="social")
    own = inputs.sources[0].terms
    terms = Terms(own.source, own.licence, "yes", own.attribution, "https://example.org/" + "licence/" * 12)
    source = msgspec.structs.replace(inputs.sources[0], terms=terms)
    long = {**names.targets, "agora/web": f"{'x' * 60}.{'sub.' * 30}example", "reel/web": "https://" + "y" * 120}
    names, inputs = (
        msgspec.structs.replace(names, targets=long),
        msgspec.structs.replace(inputs, sources=(source,)),
    )
    given = cuts.country() if request.param == "with signals" else None
    answer = assess.build(*world, question, assess.load_thresholds(), names, inputs, detected, given)
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_bytes(page(answer.report))
    return file.as_uri()


def opened(browser: Any, address: str, width: int, height: int, *, dark: bool = False) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(address)


def test_nothing_leaves_the_page(browser: Any, address: str) -> None:
    browser.get_log("performance")
    opened(browser, address, 1280, 900)
    asked = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"])
    assert asked == [address]
    assert browser.get_log("browser") == []  # no violation of the policy, no error


@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_it_fits(browser: Any, address: str, width: int, height: int) -> None:
    opened(browser, address, width, height)
    browser.execute_script("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    size = browser.execute_script("return parseFloat(getComputedStyle(document.body).fontSize)")
    assert size >= 16


def test_light_and_dark_differ(browser: Any, address: str) -> None:
    grounds = []
    for dark in (False, True):
        opened(browser, address, 1280, 900, dark=dark)
        grounds.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]


def test_the_style_is_in_force_under_the_policy(browser: Any, address: str) -> None:
    opened(browser, address, 1280, 900)
    color = "return getComputedStyle(document.querySelector('td.s-blocked')).backgroundColor"
    assert browser.execute_script(color) == "rgb(169, 42, 31)"


def test_a_persian_name_does_not_turn_its_line(browser: Any, address: str) -> None:
    opened(browser, address, 1280, 900)
    order = """
      const text = document.querySelector('.standfirst').firstChild;
      const at = (word) => { const r = document.createRange(); const i = text.data.indexOf(word);
        r.setStart(text, i); r.setEnd(text, i + word.length); return r.getBoundingClientRect(); };
      const name = at('میدان'), after = at(' in 4 of 7');
      return [name.left, name.right, after.left, name.top, after.top];
    """
    _, right, after, top, after_top = browser.execute_script(order)
    assert after_top > top or after >= right - 1


def test_the_keyboard_reaches_everything(browser: Any, address: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    opened(browser, address, 1280, 900)
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("class") == "skip"
    wanted = browser.execute_script("return document.querySelectorAll('a,summary,[tabindex]').length")
    reachable = "return [...document.querySelectorAll('a,summary,[tabindex]')].filter(e => e.tabIndex >= 0).length"
    assert browser.execute_script(reachable) == wanted > 30
    summary = browser.find_element(By.CSS_SELECTOR, "details.cell > summary")
    summary.send_keys(Keys.ENTER)
    assert browser.execute_script("return document.querySelector('details.cell').open") is True


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)], ids=["narrow dark", "wide light"])
def test_axe_finds_nothing(browser: Any, address: str, width: int, dark: bool) -> None:
    spec = find_spec("axe_selenium_python")
    if spec is None or spec.origin is None:
        pytest.skip("axe-selenium-python is not installed: the page's accessibility cannot be checked")
    opened(browser, address, width, 900, dark=dark)
    for kind in (
        "details.cell",
        "#cut details",
        "#timeline details",
        "#methods details",
        "#days details",
        "#silence details",
    ):  # one of each
        browser.execute_script("(document.querySelector(arguments[0]) ?? {}).open = true", kind)
    # The script comes in through the driver, so the page's policy stays as it is.
    browser.execute_script((Path(spec.origin).parent / "node_modules/axe-core/axe.min.js").read_text("utf-8"))
    found = browser.execute_async_script("axe.run(document).then(arguments[0])")
    problems = [(v["id"], v["help"], v["nodes"][0]["html"][:200], len(v["nodes"])) for v in found["violations"]]
    assert problems == []
    assert len(found["passes"]) > 10


def test_it_prints(browser: Any, address: str) -> None:
    import base64

    opened(browser, address, 1280, 900)
    made = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
    data = base64.b64decode(made["data"])
    assert data.startswith(b"%PDF")
    pages = data.count(b"/Type /Page") - data.count(b"/Type /Pages")
    assert 2 <= pages <= 16
