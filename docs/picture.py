"""Law: the picture in the README is the demo's own page, as a browser shows it.

    clampdown demo --out demo && python docs/picture.py demo/report.html

Needs Chromium and its driver; writes docs/img/report.png.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

OUT = Path(__file__).resolve().parent / "img/report.png"
WIDTH, HEIGHT = 1180, 1665  # as far as the short answer reaches


def main(words: list[str]) -> int:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if len(words) != 1 or not chromium or not driver:
        print("usage: python docs/picture.py report.html (with Chromium and its driver installed)", file=sys.stderr)
        return 2
    options = Options()
    options.binary_location = chromium
    for flag in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--force-device-scale-factor=1"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        browser.set_window_size(WIDTH, HEIGHT)
        browser.get(Path(words[0]).resolve().as_uri())
        browser.save_screenshot(str(OUT))
    finally:
        browser.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
