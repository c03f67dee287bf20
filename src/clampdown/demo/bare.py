"""Law: what a record no longer shows, it no longer proves; what it still shows must be judged as before.

Some publishers strip records: no times, no network events, no certificates, no report id, large bodies left out.
Every scenario whose truth does not rest on these is told a second time without them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import msgspec

from clampdown.demo.expect import Expected
from clampdown.demo.stage import Scenario, strip_times
from clampdown.demo.visit import NEW

# Their truth lies in certificates, or in a clock.
_NEEDED: Final = frozenset({"antivirus", "old_roots", "ended_root", "wrong_clock", "throttling"})


def bare(rows: Iterable[Scenario]) -> tuple[Scenario, ...]:
    """The same scenarios, stripped."""
    return tuple(
        _stripped(row) for row in rows if not row.pooled and row.family not in _NEEDED and row.name.endswith(NEW)
    )


def _stripped(row: Scenario) -> Scenario:
    name = f"{row.name}.bare"
    made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(row.records[0]))
    keys = made["test_keys"]
    strip_times(keys)
    for handshake in keys["tls_handshakes"]:
        handshake["peer_certificates"] = None
    if row.family == "large_file":
        for request in keys["requests"]:
            request["response"]["body"] = ""
    made["report_id"] = ""
    made["test_runtime"] = 0
    made["measurement_uid"] = made["measurement_uid"][:-16] + hashlib.sha256(name.encode()).hexdigest()[:16]
    expected = row.expected[0]
    if expected is not None and row.family == "mitm" and ".consistent." in row.name:
        # Who answered is not to be seen any more, only that the probe did not believe it.
        expected = Expected(("blocked", "unknown"), expected.must, expected.may)
    return replace(row, name=name, records=(made,), expected=(expected,))
