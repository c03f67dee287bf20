"""Law: of scores only what they imply is read: which layers were passed, which failed and how, and the control's luck.

A row of `analysis_web_measurement` holds its publisher's scores of one name: for DNS, TCP and TLS how far the layer is
`ok`, `blocked` or `down` (0 to 1), and the failure seen most often in it. No step, address or page is left of the
measurement. What is taken from it, and from nothing else:
- `ok` above 0: the layer was passed. Other failures in it (one of several addresses) are then none of the path's.
- `ok` 0 and `blocked` or `down` above 0: the layer failed, with the failure named for it, or without a name.
- `blocked` above `down`: the publisher's control passed this layer for this name; else it failed there as well.
  This is implied by how the scores are made and is not in the table as a fact; it stands as a step of the control.
- all three 0: the layer was not reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Measurement
from clampdown.intake.sources.ooni.steps import web_place
from clampdown.intake.sources.ooni.tables import Line

_LAYERS: Final = (("dns", "dns_lookup"), ("tcp", "tcp_connect"), ("tls", "tls_handshake"))
_DETAIL: Final = "scored"


def observe(m: Measurement, rows: Rows, lines: Sequence[Line]) -> None:
    """Up to three steps of the probe per name, each with the control's where one is implied."""
    place = web_place(m)
    for line in lines:
        name = m.name(line.text("domain") or line.text("hostname")) or m.name(m.host)
        target = place(name, None, m.port if name == m.host else None, None) if name else m.target
        for layer, operation in _LAYERS:
            _layer(m, rows, line, layer, operation, name, target)


def _layer(
    m: Measurement, rows: Rows, line: Line, layer: str, operation: str, name: str | None, target: str | None
) -> None:
    passed, blocked, down = (line.number(f"{layer}_{what}") for what in ("ok", "blocked", "down"))
    said = line.text(f"top_{layer}_failure")
    if passed <= 0 and blocked <= 0 and down <= 0:
        return
    more: dict[str, Any] = {"engine": "system"} if layer == "dns" else {"network_proto": "tcp"}
    if layer != "dns" and name == m.host:
        more["port"] = m.port
    if passed > 0:
        rows.add(operation, target=target, outcome="ok", hostname=name, side=False, detail=_DETAIL, **more)
        return
    failure = m.memo.failure(said)[1] if said is not None else None
    rows.add(
        operation, target=target, outcome="failed", failure=failure, hostname=name, side=False, detail=_DETAIL, **more
    )
    works = blocked > down
    m.control = "ok" if works else "failed"
    if layer == "dns":
        more["engine"] = "unknown"
    steps = [operation, "dns_answer"] if layer == "dns" and works else [operation]  # of the answer no address is known
    for step in steps:
        rows.add(
            step, target=target, origin="control", outcome="ok" if works else "failed", classic=None, side=False,
            hostname=name, detail=_DETAIL if step == operation else None, **more,
        )  # fmt: skip
