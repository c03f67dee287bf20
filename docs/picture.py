"""Law: the pictures in the README are the demo's own pages, as a browser shows them.

    clampdown demo --out demo && python docs/picture.py demo

Needs Chromium and its driver; writes docs/img/report.png, access-en.png and access-fa.png.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

OUT = Path(__file__).resolve().parent / "img"
WIDTH = 1180
PICTURES = {  # page: picture, height of the window, as far as the short answer reaches
    "report.html": ("report.png", 1665),
    "access.html": ("access-en.png", 1445),
    "access.fa.html": ("access-fa.png", 1410),
}


def main(words: list[str]) -> int:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if len(words) != 1 or not chromium or not driver:
        print("usage: python docs/picture.py DEMO (with Chromium and its driver installed)", file=sys.stderr)
        return 2
    options = Options()
    options.binary_location = chromium
    for flag in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--force-device-scale-factor=1"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        for page, (name, height) in PICTURES.items():
            browser.set_window_size(WIDTH, height)
            browser.get((Path(words[0]).resolve() / page).as_uri())
            browser.save_screenshot(str(OUT / name))
    finally:
        browser.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
