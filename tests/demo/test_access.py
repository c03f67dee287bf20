"""Law: the demo's page of ways through says of its country what the script does, in both languages."""

from __future__ import annotations

import re

import pytest

from clampdown.demo.run import Result
from clampdown.publish.words.ways_page import LANGUAGES, load

NAMES = dict(zip(LANGUAGES, ("access.html", "access.fa.html"), strict=True))
MARKS = re.compile("[\u2066-\u2069]")


def told(text: str) -> str:
    return MARKS.sub("", re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", text)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_ways_through(made: Result, language: str) -> None:
    file = made.folder / NAMES[language]
    assert file in made.files
    text = file.read_text(encoding="utf-8")
    assert f'lang="{language}"' in text
    assert load(language)["text"]["synthetic"] in told(text)
    words = load(language)["state"]
    by_class = {name: re.findall(rf'<td class="w-{name}".*?</td>', text, re.DOTALL) for name in words}
    assert {name for name, cells in by_class.items() if cells} >= {"works", "blocked", "untested"}
    for name, cells in by_class.items():
        assert all(words[name] in told(cell) for cell in cells), name
    direct = re.findall(r'<tr>\s*<th scope="row">[^<]*(?:without a bridge|بدون پل).*?</tr>', text, re.DOTALL)
    assert direct
    for row in direct:  # Tor's public relays are blocked throughout the script, wherever enough was tried
        assert "w-blocked" in row
        assert "w-works" not in row
