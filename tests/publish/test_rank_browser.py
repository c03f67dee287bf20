"""Law: the page of ranks is read in a real browser: it fits a telephone, asks nobody, and draws no point where there is
no place.

Needs Chromium and its driver; skipped in one visible line without them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from clampdown.assess.hours import Cut, Cuts
from clampdown.assess.rank_answer import build
from clampdown.publish.rank_page import page

sys.path.append(str(Path(__file__).parents[1] / "assess"))
import countries as w

pytestmark = [
    pytest.mark.browser,
    # Selenium opens sockets and files that it leaves to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
CODES = ("NO", "FI", "KE", "IN", "TR", "RU", "IR", "CN")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with places, withheld ones, and countries without."""
    made = w.terms(priors=True, widest=0.3)
    cuts = {k: {c: Cuts(6.0, (Cut("o", 9.0 * n, 1),) if n % 3 else (), n % 2) for n, c in enumerate(CODES)}
            for k in ("shutdown", "outage")}  # fmt: skip
    file = tmp_path_factory.mktemp("rank") / "rank.html"
    file.write_bytes(page(build(w.given(w.world(), made, cuts=cuts), w.question(), made)))
    return file.as_uri()


def test_the_page_fits_and_asks_nobody(browser: Any, address: str) -> None:
    browser.get_log("performance")
    for width in (320, 380, 1280):
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get(address)
        browser.execute_script("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        outside = """
          return [...document.querySelectorAll('.plot .area circle, .plot .area rect')].filter(shape => {
            const s = shape.getBoundingClientRect(), box = shape.closest('figure').getBoundingClientRect();
            return s.left < box.left - 1 || s.right > box.right + 1 }).length"""
        assert browser.execute_script(outside) == 0
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    assert asked == {address}
    assert browser.get_log("browser") == []


def test_no_point_without_a_place(browser: Any, address: str) -> None:
    browser.get(address)
    points = """
      return [...document.querySelectorAll('.plot li')].map(row => [
        row.querySelector('.said').textContent.includes('withheld'), row.querySelectorAll('circle').length])"""
    rows = browser.execute_script(points)
    assert len(rows) == len(CODES)
    assert {withheld for withheld, _ in rows} == {True, False}
    assert all(circles == (0 if withheld else 1) for withheld, circles in rows)
