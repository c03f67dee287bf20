"""Law: one measurement is told to a person in the order in which it happened, with every rule and every doubt.

Facts first (what was tried, what came back, what the control saw), then what the rules say of them, then what speaks
against it. Nothing is left out because it does not fit the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from clampdown.assess.names import is_synthetic
from clampdown.assess.witnesses import link_of
from clampdown.model import LAYERS
from clampdown.publish import numbers as num
from clampdown.publish import words
from clampdown.publish.words import steps


class Step(msgspec.Struct, frozen=True):
    """One thing that was tried, and what came back."""

    seq: int
    layer: str | None
    tried: str
    came_back: str
    outcome: str
    failure: str | None
    at: float | None  # seconds since the start
    remarks: tuple[str, ...]


class Fired(msgspec.Struct, frozen=True):
    """One rule that fired."""

    rule: str
    layer: str
    verdict: str
    mechanism: str | None
    decides: bool
    won: bool  # false: a rule of the same file came before it on the same step
    steps: tuple[int, ...]
    fingerprints: tuple[str, ...]
    why: str  # empty where it did not win: it takes for granted that no rule before it fired
    false_positives: str


class Said(msgspec.Struct, frozen=True):
    """The verdict on one target."""

    target: str | None
    state: str
    mechanism: str | None
    why: str
    layers: dict[str, str]
    fired: tuple[Fired, ...]
    against: tuple[str, ...]


class Shown(msgspec.Struct, frozen=True):
    """One measurement, explained."""

    measurement: str
    link: str | None
    locator: str
    digest: str
    test: str | None
    test_version: str | None
    software: str | None
    country: str | None
    network: str | None
    resolver_network: str | None
    time: str | None
    input: str | None
    control: str
    degraded: tuple[str, ...]
    instrument: str | None
    peer: str | None
    tried: tuple[Step, ...]
    control_saw: tuple[Step, ...]
    verdicts: tuple[Said, ...]


def show(
    measurement: dict[str, Any],
    observations: pa.Table,
    verdicts: pa.Table,
    fired: pa.Table,
    reasons: words.Reasons | None = None,
) -> Shown:
    """Explain one measurement. The tables hold its own rows alone."""
    rows = sorted(observations.to_pylist(), key=lambda row: row["seq"])
    found = sorted(verdicts.to_pylist(), key=lambda row: row["target"] or "")
    rules = fired.to_pylist()
    m = measurement
    control = m["control"] or "none"
    degraded = tuple(part for part in (m["degraded"] or "").split(",") if part)
    doubts = _record_doubts(control, degraded, m["instrument"])
    return Shown(
        measurement=m["measurement"],
        link=link_of(m["measurement"], synthetic=is_synthetic(m["country"] or "")),
        locator=m["locator"],
        digest=m["digest"],
        test=m["test"],
        test_version=m["test_version"],
        software=m["software"],
        country=m["country"],
        network=None if m["network"] is None else num.network(m["network"]),
        resolver_network=None if m["resolver_network"] is None else num.network(m["resolver_network"]),
        time=None if m["time"] is None else m["time"].isoformat() + "Z",
        input=m["input"],
        control=control,
        degraded=degraded,
        instrument=m["instrument"],
        peer=m["peer"],
        tried=tuple(_step(row) for row in rows if row["origin"] == "probe"),
        control_saw=tuple(_step(row) for row in rows if row["origin"] == "control"),
        verdicts=tuple(_said(v, [f for f in rules if f["target"] == v["target"]], doubts, reasons) for v in found),
    )


def _record_doubts(control: str, degraded: Sequence[str], instrument: str | None) -> tuple[str, ...]:
    doubts: list[str] = []
    if control == "failed":
        doubts.append(steps.SHOW["control_failed"])
    if degraded:
        doubts.append(steps.SHOW["degraded"].format(fields=num.plain(", ".join(degraded))))
    if instrument:
        doubts.append(steps.SHOW["instrument"].format(instrument=num.plain(instrument)))
    return tuple(doubts)


def _step(row: dict[str, Any]) -> Step:
    remarks: list[str] = []
    if row["depth"]:
        remarks.append(steps.SHOW["hop"].format(depth=row["depth"]))
    if row["classic"] is False or row["side"]:
        remarks.append(steps.SHOW["beside"])
    return Step(
        seq=row["seq"],
        layer=row["layer"],
        tried=steps.tried(row),
        came_back=steps.came_back(row),
        outcome=row["outcome"],
        failure=row["failure"],
        at=row["t"] if row["t"] is not None else row["t0"],
        remarks=tuple(remarks),
    )


def _said(
    verdict: dict[str, Any], rows: Sequence[dict[str, Any]], doubts: tuple[str, ...], reasons: words.Reasons | None
) -> Said:
    merged: dict[tuple[str, str, str, str | None, bool, bool], list[dict[str, Any]]] = {}
    for row in rows:
        key = (row["layer"], row["rule"], row["verdict"], row["mechanism"], row["decides"], row["won"])
        merged.setdefault(key, []).append(row)
    fired: list[Fired] = []
    for (layer, rule, said, mechanism, decides, won), group in merged.items():
        # A reason takes for granted that no rule before it fired; behind another it may be false, and is not quoted.
        why, wrong_if = (reasons or {}).get(rule, ("", "")) if won else ("", "")
        places = tuple(sorted({row["seq"] for row in group if row["seq"] is not None}))
        prints = tuple(sorted({row["fingerprint"] for row in group if row["fingerprint"]}))
        fired.append(Fired(rule, layer, said, mechanism, decides, won, places, prints, why, wrong_if))
    order = {layer: index for index, layer in enumerate((*LAYERS, "record", "pool"))}
    fired.sort(key=lambda f: (not f.decides, not f.won, order.get(f.layer, len(order)), f.rule, f.mechanism or ""))
    return Said(
        target=verdict["target"],
        state=verdict["state"],
        mechanism=verdict["mechanism"],
        why=words.why(
            verdict["state"], verdict["mechanism"], verdict["rule"], reasons, words.extent(rows, verdict["rule"])
        ),
        layers={layer: verdict[layer] for layer in LAYERS if verdict[layer] is not None},
        fired=tuple(fired),
        against=(*_against(verdict["state"], fired), *doubts),
    )


def _against(state: str, fired: Sequence[Fired]) -> tuple[str, ...]:
    """The known false positives of what decided, and every other rule that says something else."""
    made: list[str] = []
    for each in fired:
        if each.decides and each.false_positives:
            made.append(steps.SHOW["wrong_if"].format(text=each.false_positives))
        elif not each.decides and each.won and each.verdict not in (state, "unknown", "not_applicable"):
            verdict = words.STATE.get(each.verdict, each.verdict)
            made.append(steps.SHOW["other_rule"].format(rule=each.rule, verdict=verdict, text=each.why))
    return tuple(dict.fromkeys(made))


def as_dict(shown: Shown) -> dict[str, Any]:
    """The explanation as plain data."""
    return msgspec.json.decode(msgspec.json.encode(shown))


def as_text(shown: Shown) -> str:
    """The explanation as a page of text for a terminal."""
    out = [f"Measurement {num.plain(shown.measurement)}"]
    if shown.link:
        out.append(f"  {shown.link}")
    where = [shown.network or "network unknown", shown.country or "country unknown", shown.time or "time unknown"]
    out.append("  " + ", ".join(where))
    test = " ".join(part for part in (shown.test, shown.test_version) if part) or "test unknown"
    out.append("  " + num.plain(f"{test}, by {shown.software or 'software unknown'}"))
    if shown.input:
        out.append(f"  asked: {num.plain(shown.input)}")
    out.append(f"  from: {num.plain(shown.locator)}, sha256 {shown.digest}")
    for said in shown.verdicts:
        state = words.STATE.get(said.state, said.state).upper()
        out += ["", f"{num.plain(said.target or 'no target')}: {state}", f"  {said.why}"]
        if said.layers:
            parts = (f"{words.LAYER[k]} {words.STATE.get(v, v)}" for k, v in said.layers.items())
            out.append("  layer by layer: " + "; ".join(parts))
    out += _steps(steps.SHOW["tried"], shown.tried, steps.SHOW["nothing"])
    out += _steps(steps.SHOW["control"], shown.control_saw, steps.SHOW["no_control"], steps.CONTROL[shown.control])
    for said in shown.verdicts:
        out += _rules(said)
    return "\n".join(num.plain(line, limit=2000) for line in out) + "\n"


def _steps(title: str, rows: Sequence[Step], empty: str, first: str | None = None) -> list[str]:
    out = ["", title] + ([f"  {first}"] if first else [])
    for step in rows:
        at = f"{step.at:7.2f} s" if step.at is not None else " " * 9
        remarks = f"  [{'; '.join(step.remarks)}]" if step.remarks else ""
        mark = {"ok": "+", "failed": "x"}.get(step.outcome, "?")
        out.append(f"  {step.seq:>3} {at} {mark} {step.tried}: {step.came_back}{remarks}")
    return out if rows or first else [*out, f"  {empty}"]


def _rules(said: Said) -> list[str]:
    out = ["", f"{steps.SHOW['rules']}, {num.plain(said.target or 'no target')}"]
    for each in said.fired:
        role = steps.SHOW["decides" if each.decides else "noted" if each.won else "behind"]
        mechanism = f", {each.mechanism}" if each.mechanism else ""
        places = f", step {num.listed(map(str, each.steps))}" if each.steps else ""
        prints = f", fingerprint {num.plain(num.listed(each.fingerprints))}" if each.fingerprints else ""
        verdict = words.STATE.get(each.verdict, each.verdict)
        out.append(f"  {each.rule} ({role}): {verdict}{mechanism}{places}{prints}")
        if each.why or not each.won:
            out.append(f"      {each.why or steps.SHOW['outrun']}")
    if not said.fired:
        out.append(f"  {steps.SHOW['no_rules']}")
    out += ["", steps.SHOW["against"]]
    return out + [f"  {text}" for text in said.against or (steps.SHOW["no_doubt"],)]
