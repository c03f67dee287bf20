"""Law: where we differ from the peer, both verdicts stand side by side, with the reason; nothing is left out.

python docs/conformance.py            write docs/conformance.md from the material folder (CLAMPDOWN_SHARED)
python docs/conformance.py --check    exit code 1 if the page is not what the material gives

The peer is OONI: the label its pipeline or its site gave to the record. It is an opinion, not the truth; where the
truth is known by construction (scenarios) that is said. The records are not part of this project.
"""

from __future__ import annotations

import csv
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clampdown.judge.rules import load_rules
from clampdown.pipeline.alone import judge_files

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/conformance.md"
MADE = "<!-- made by `python docs/conformance.py`; change the code, not this page -->\n"
# The state of a record with several targets is the first of these that one of them has.
ORDER = ("blocked", "throttled", "invalid", "refused", "down", "unknown", "ok", "not_applicable")
# Why we say something else, per record on which we do (by the beginning of its name).
REASONS = {
    "odd/browser_web_error": "A browser's own error text without a control: nobody else tried the page, so nothing "
    "tells a block from a fault. We say unknown.",
    "odd/requests_none": "The control's own lookup gave no address either and its page failed with a DNS error: the "
    "name was gone for everyone. The peer compares the two failures and calls the difference blocking.",
    "odd/torsf_1": "A lone timeout at the start: nothing in the record shows that the line was alive, and no other "
    "step succeeded. One such record never says blocked here.",
    "odd/web_connectivity_no_body": "Both the probe and the control failed to get the page (the probe on a "
    "certificate): down, where the peer reads `accessible` as true.",
    "real/01202003044cadd4e": "The peer trusts the old probe's own `dns_consistent = false`, which compared network "
    "names. The record carries no network numbers and no failed step: nothing to rest a verdict on.",
    "real/20221110111106": "A speed test measures no target; the contract gives `not_applicable`, the peer `ok`.",
    "real/01201911098a2eebcc7": "A speed test measures no target; the contract gives `not_applicable`.",
}
# Why we say it where no rule decided.
WITHOUT_RULE = {
    "unknown": "No rule decided: nothing in the record proves the path or shows what stopped it. This never reads as "
    "reachable.",
    "not_applicable": "The test measures no target, so there is nothing to judge.",
}


@dataclass(frozen=True)
class Row:
    """One record: what is known or thought of it, and what we say."""

    file: str
    test: str
    truth: str
    expected: tuple[str, ...]
    must: tuple[str, ...]
    may: tuple[str, ...]
    state: str
    mechanisms: tuple[str, ...]
    why: str

    @property
    def agrees(self) -> bool:
        if not self.expected:
            return True
        if self.state not in self.expected:
            return False
        if self.state not in ("blocked", "throttled") or not self.must:
            return True
        return any(_near(m, w) for m in self.mechanisms for w in self.must) and all(
            any(_near(m, w) for w in (*self.must, *self.may)) for m in self.mechanisms
        )

    @property
    def nearness(self) -> str:
        """exact, child, ancestor or sibling: the best that a deciding mechanism is to a wanted one."""
        if self.state not in ("blocked", "throttled") or not self.must or self.state not in self.expected:
            return ""
        kinds = {_kind(m, w) for m in self.mechanisms for w in self.must}
        return next((kind for kind in ("exact", "child", "ancestor", "sibling") if kind in kinds), "other")


def _kind(found: str, wanted: str) -> str:
    if found == wanted:
        return "exact"
    if found.startswith(wanted + "."):
        return "child"
    if wanted.startswith(found + "."):
        return "ancestor"
    return "sibling" if found.split(".")[0] == wanted.split(".")[0] else "other"


def _near(found: str, wanted: str) -> bool:
    """Itself, a child, or an ancestor deeper than the layer's name."""
    kind = _kind(found, wanted)
    return kind in ("exact", "child") or (kind == "ancestor" and "." in found)


def rows(material: Path) -> Iterator[Row]:
    """Every record of expected.csv, judged alone."""
    folder = material / "cases/ooni"
    with (folder / "expected.csv").open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    found = _judged([folder / entry["file"] for entry in expected], folder)
    for entry in expected:
        state, mechanisms, why = found[entry["file"]]
        split = {key: tuple(part for part in entry[key].split("|") if part) for key in ("states", "must", "may")}
        yield Row(
            entry["file"], entry["nettest"], entry["truth"], split["states"], split["must"], split["may"],
            state, mechanisms, why,
        )  # fmt: skip


def _judged(paths: list[Path], folder: Path) -> dict[str, tuple[str, tuple[str, ...], str]]:
    """File → state, deciding mechanisms, and the reason of the rule that decided."""
    rules = {rule.id: rule.why for rule in load_rules().rules}
    states: dict[str, list[tuple[str, str]]] = defaultdict(list)
    mechanisms: dict[str, set[str]] = defaultdict(set)
    for alone in judge_files(paths, workers=1):
        names = alone.measurements["measurement"].to_pylist()
        files = {name: Path(file).relative_to(folder).as_posix() for name, file in zip(names, alone.files, strict=True)}
        for row in alone.verdicts.to_pylist():
            why = rules.get(row["rule"] or "") or WITHOUT_RULE.get(row["state"], "")
            states[files[row["measurement"]]].append((row["state"], why))
        for row in alone.fired.to_pylist():
            if row["decides"] and row["mechanism"] and row["verdict"] in ("blocked", "throttled"):
                mechanisms[files[row["measurement"]]].add(row["mechanism"])
    found: dict[str, tuple[str, tuple[str, ...], str]] = {}
    for path in paths:
        file = path.relative_to(folder).as_posix()
        state, why = min(states.get(file) or [("nothing", "")], key=lambda each: (*ORDER, "nothing").index(each[0]))
        found[file] = (state, tuple(sorted(mechanisms[file])), why)
    return found


def reason(file: str, reasons: Mapping[str, str] = REASONS) -> str:
    return next((text for start, text in reasons.items() if file.startswith(start)), "")


def page(found: list[Row]) -> str:
    scenario = [row for row in found if row.truth == "scenario"]
    peer = [row for row in found if row.truth.startswith("peer") and row.expected]
    blocked = [row for row in scenario if row.state in ("blocked", "throttled")]
    deep = [row for row in blocked if any("." in m for m in row.mechanisms)]
    near = Counter(row.nearness for row in scenario if row.nearness)
    lost = [row for row in found if row.state == "nothing"]
    counts = ", ".join(f"{kind} {near[kind]}" for kind in ("exact", "child", "ancestor", "sibling", "other"))
    parts = [
        "# Conformance\n",
        MADE,
        "Single records, each judged alone, beside what is known of them. A state or mechanism that differs from "
        "OONI's label is listed with the reason. The records are public samples and are not part of this project.\n",
        f"- Records: {len(found)}. Without any verdict: {len(lost)}.\n"
        f"- Truth known by construction (scenarios): {sum(r.agrees for r in scenario)} of {len(scenario)} right in "
        f"state and mechanism.\n"
        f"- Of the {len(blocked)} found blocked among them, {len(deep)} name a mechanism deeper than the layer. "
        f"Nearness to the wanted mechanism: {counts}.\n"
        f"- The peer's label: we agree on {sum(r.agrees for r in peer)} of {len(peer)}.\n",
        "## Where we say something else than the peer\n",
        _table(row for row in peer if not row.agrees),
        "## Scenarios\n",
        _table(scenario, explain=False),
        "## Records with a peer's label\n",
        _table(peer, explain=False),
        "## Records without a label\n",
        _table((row for row in found if row not in scenario and row not in peer), explain=False),
    ]
    return "\n".join(parts)


def _table(found: Iterator[Row] | list[Row], *, explain: bool = True) -> str:
    head = ["record", "test", "expected", "ours", "mechanism", "why we say so" if not explain else "reason"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in found:
        wanted = " or ".join(row.expected) or "(none)"
        last = reason(row.file) if explain else row.why
        cells = (row.file, row.test, wanted, row.state, ", ".join(row.mechanisms), last)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    material = Path(os.environ.get("CLAMPDOWN_SHARED", ROOT.parent / "shared"))
    if not (material / "cases/ooni/expected.csv").is_file():
        print(f"no material in {material}; set CLAMPDOWN_SHARED", file=sys.stderr)
        return 2
    text = page(list(rows(material)))
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
