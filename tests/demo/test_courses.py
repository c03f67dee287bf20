"""Law: the course of days says what was scripted and what was found, and where they differ the reader sees it."""

from __future__ import annotations

from clampdown.demo.compare import Row
from clampdown.demo.courses import told


def row(day: int, network: int, scripted: str, found: str | None) -> Row:
    how = {"blocked": "tls.reset"}
    return Row(
        day, f"2026-02-{day:02}", network, "a/web", scripted, how.get(scripted), found, how.get(found or ""), 9, 3
    )


def test_what_is_alike_is_told_once_and_what_differs_is_shown() -> None:
    rows = [
        row(day, n, "ok" if day < 3 else "blocked", "ok" if day < 3 else "blocked")
        for n in (1, 2)
        for day in range(1, 6)
    ]
    rows += [row(day, 3, "ok", {1: "ok", 2: None}.get(day, "blocked")) for day in range(1, 4)]
    rows += [row(day, 4, "down", None) for day in (1, 2)]
    assert told(rows) == [
        "a/web",
        "  AS1 AS2",
        "    scripted  days 1-2 ok; days 3-5 blocked tls.reset",
        "    found     days 1-2 ok; days 3-5 blocked tls.reset",
        "  AS3",
        "    scripted  days 1-3 ok",
        "    found     day 1 ok; day 3 blocked tls.reset (1 of 3 days silent)",
        "  AS4",
        "    scripted  days 1-2 down",
        "    found     nothing (2 of 2 days silent)",
    ]


def test_long_courses_are_folded() -> None:
    rows = [row(day, 1, "ok" if day % 2 else "down", "ok") for day in range(1, 13)]
    lines = told(rows)
    assert max(map(len, lines)) < 100
    assert sum("day " in line for line in lines) > 1
