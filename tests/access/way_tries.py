"""Law: tries for the tests of ways through, one letter a day: a test says only what matters to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from clampdown.assess.access import Given
from clampdown.assess.counting import Row, caps, rows_of
from clampdown.assess.document import Inputs
from clampdown.assess.reach import load_limits
from clampdown.model import VERDICTS

START = datetime(2026, 9, 1)
AT = "2026-09-28"  # the last of 28 days
LIMITS = load_limits()
LETTERS = {"o": "ok", "b": "blocked", "t": "throttled", "r": "refused", "d": "down", "u": "unknown"}


def row(vantage: str | None, day: int, state: str, hour: int = 1, **given: Any) -> Row:
    fields: dict[str, Any] = {
        "target": "tor/snowflake", "network": 64500, "vantage": vantage, "vantage_kind": "credential",
        "day": (START + timedelta(days=day)).date().isoformat(), "hour": hour, "state": state, "mechanism": None,
        "rule": None, "settled": False, "platform": "linux", "software": "probe/1", "network_type": "wifi",
        "resolver_network": 64500, "n": 1,
    }  # fmt: skip
    return Row(**(fields | given))


def many(*tries: str, **given: Any) -> list[Row]:
    """A text for each vantage point, a letter for each day; a dot is a day without a try."""
    return [
        row(f"v{index}", day, LETTERS[letter], **given)
        for index, text in enumerate(tries)
        for day, letter in enumerate(text)
        if letter != "."
    ]


def verdicts(
    target: str, *tries: str, network: int = 64500, test: str = "torsf", who: str = "v", **given: Any
) -> list[dict[str, Any]]:
    """The same as rows of the table of verdicts, each a measurement of its own."""
    made: list[dict[str, Any]] = []
    for index, text in enumerate(tries):
        for day, letter in enumerate(text):
            if letter == ".":
                continue
            time = START + timedelta(days=day, hours=1, minutes=index)
            one: dict[str, Any] = dict.fromkeys(VERDICTS.names)
            one |= {
                "measurement": f"m-{network}-{who}{index}-{day}-{test}", "target": target, "network": network,
                "country": "XA", "time": time, "day": time.date().isoformat(), "hour": time.hour, "test": test,
                "state": LETTERS[letter], "vantage": f"{who}{index}", "vantage_kind": "credential",
                "platform": "linux", "software": "probe/1", "network_type": "wifi", "resolver_network": network,
                "settled": False, "repeat": False, "rule": f"rule.{letter}",
                "mechanism": "tunnel.bootstrap" if letter == "b" else None,
            }  # fmt: skip
            made.append(one | given)
    return made


def given(rows: list[dict[str, Any]], **other: Any) -> Given:
    """What an answer is made from, of these verdicts."""
    table = pa.Table.from_pylist(rows, schema=VERDICTS)
    plain: dict[str, Any] = {
        "facts": {}, "findings": None, "counted": {}, "terms": None, "synthetic": True,
        "inputs": Inputs(version="0", rules="r", reference="f"),
    }  # fmt: skip
    return Given(verdicts=table, caps=caps(rows_of(table), LIMITS.counting), **(plain | other))
