"""Law: the page is one file that asks nobody for anything, reads without scripts, and escapes what others wrote.

A report becomes a view of strings and shapes, the view becomes HTML. There is no script; the style is inlined and the
content security policy names it by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import groupby
from typing import Any, Final, NamedTuple, cast

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from clampdown.assess.counting import INSUFFICIENT
from clampdown.assess.document import Cell, Excluded, Headline, Network, Report
from clampdown.publish import charts, lanes, panels, words
from clampdown.publish import numbers as num
from clampdown.publish.words import cells as tell
from clampdown.publish.words import cuts
from clampdown.publish.words import inputs as origin
from clampdown.publish.words import report as prose
from clampdown.publish.words import timeline as told

MAX_NETWORKS: Final = 12  # columns; the rest are in report.json
MAX_TARGETS: Final = 80  # lines of the matrix
MAX_EVIDENCE: Final = 400
MAX_ANSWERS: Final = 60  # lines of the short answer for one group
_SERIOUS: Final = ("blocked", "throttled", "conflicting", "refused", "down", "unknown", "ok", "insufficient")
_DOTS: Final = ("blocked", "throttled", "partly", "conflicting", "refused", "down", "unclear", "ok")


class Group(NamedTuple):
    """A part of the matrix."""

    label: str
    targets: tuple[str, ...]


class View(NamedTuple):
    """What the template places; no arithmetic is left in it."""

    report: Report
    answers: tuple[tuple[str, tuple[Headline, ...], int], ...]  # group, lines, lines left out
    signals: panels.Drawn | None  # null: the report has no signals
    drawn: lanes.Drawn
    tale: told.Telling
    months: tuple[float, ...]
    networks: tuple[Network, ...]
    more_networks: int
    groups: tuple[Group, ...]
    more_targets: int
    cells: Mapping[tuple[str, int], Cell]
    strips: tuple[tuple[str, charts.Strip], ...]
    ticks: tuple[charts.Tick, ...]
    years: bool
    evidence: tuple[tuple[str, tuple[Cell, ...]], ...]
    more_evidence: int
    nothing: str  # why there is no evidence: none | insufficient | ok
    legend: tuple[str, ...]  # states that the page shows
    dots: tuple[str, ...]
    excluded: tuple[tuple[Excluded, ...], ...]
    sections: tuple[str, ...]
    day_only: frozenset[int]
    poor: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    quiet: tuple[Network, ...]


def page(report: Report) -> bytes:
    """The report as one self-contained HTML file."""
    signals = cuts.of(report)
    style = inlined("style.css", *(("cuts.css",) if signals else ()))
    html = environment().get_template("page.html").render(
        view=_view(report), report=report, words=words, prose=prose, num=num, style=style, policy=policy(style),
        tell=tell, told=told, named=_Names(report), origin=origin,
        cuts=cuts, signals=signals,
    )  # fmt: skip
    return html.encode("utf-8", "replace")


def policy(style: str) -> str:
    """Nothing but the one style, named by its hash."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def inlined(*names: str) -> Markup:
    """Our own files, which hold nothing from outside: the one text that is not escaped."""
    folder = resources.files("clampdown.publish") / "templates"
    return Markup("".join((folder / name).read_text("utf-8") for name in names))  # noqa: S704


class _Names:
    """Labels of targets and networks, of this report."""

    def __init__(self, report: Report) -> None:
        self._names = report.names
        self._platforms = {p.id: p.label for p in report.names.platforms}

    def target(self, target: str) -> str:
        return self._names.target(target)

    def platform(self, platform: str) -> str:
        return self._platforms.get(platform) or self._names.target(platform)

    def network(self, network: int) -> str:
        return self._names.network(network) or ""


def anchor(*parts: object) -> str:
    """An id for an element, from any text."""
    return "c" + hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()[:12]


@cache
def environment() -> Environment:
    folder = resources.files("clampdown.publish") / "templates"
    texts = {each.name: each.read_text("utf-8") for each in folder.iterdir() if each.name.endswith(".html")}
    made = Environment(
        loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined,
        finalize=_visible, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    cast("dict[str, Any]", made.globals)["anchor"] = anchor
    return made


def _visible(value: Any) -> Any:
    """Text that is not ours may hide or turn the rest: what is invisible is made visible before it is escaped."""
    if isinstance(value, str) and not isinstance(value, Markup | num.Sentence):
        return num.plain(value, limit=100_000)
    return value


def _view(report: Report) -> View:
    cells = {(cell.target, cell.network): cell for cell in report.cells}
    networks = _networks(report)
    groups, more_targets = _groups(report)
    shown = [target for group in groups for target in group.targets]
    days = charts.last(sorted({*report.period.tested, *report.period.silent}))
    by_network = {network.network: network for network in report.networks}
    columns = [network.network for network in networks]
    strips: list[tuple[str, charts.Strip]] = []
    for target in shown:
        mine = [cells[target, network] for network in columns if (target, network) in cells]
        if mine and days:
            strips.append((target, charts.strip(mine, days, report.period.silent, by_network)))
    evidence, more_evidence = _evidence(report, shown)
    answers = _answers(report)
    states = {cell.state for cell in report.cells}
    drawn = {path.state for _, each in strips for path in each.paths}
    counted = {state for line in report.headlines for state, n in line.whole.states.items() if n}
    signals = cuts.of(report)
    absent = {"answer": not answers, "cut": signals is None, "timeline": report.timeline is None, "days": not strips}
    return View(
        report=report,
        answers=answers,
        signals=None if signals is None else panels.draw(signals),
        drawn=lanes.draw(report.timeline, days) if report.timeline else lanes.Drawn((), (), 0),
        tale=told.Telling(report, years=prose.years(report.period)),
        months=lanes.months(days),
        networks=networks,
        more_networks=len(report.networks) - len(networks),
        groups=groups,
        more_targets=more_targets,
        cells=cells,
        strips=tuple(strips),
        ticks=charts.ticks(days, years=prose.years(report.period)),
        years=prose.years(report.period),
        evidence=evidence,
        more_evidence=more_evidence,
        nothing="none" if not states else "ok" if "ok" in states else "insufficient",
        legend=tuple(state for state in _SERIOUS if state in states | drawn),
        dots=tuple(state for state in _DOTS if state in counted),
        excluded=tuple(tuple(rows) for _, rows in groupby(report.excluded, key=lambda row: row.reason)),
        sections=tuple(section for section in words.SECTION if not absent.get(section)),
        day_only=frozenset(network.network for network in report.networks if network.day_only),
        poor=_poor(report),
        quiet=tuple(n for n in report.networks if set(n.silent) - set(report.period.silent)),
    )


def _answers(report: Report) -> tuple[tuple[str, tuple[Headline, ...], int], ...]:
    grouped: dict[str, list[Headline]] = defaultdict(list)
    for line in report.headlines:
        grouped[line.group].append(line)

    def order(line: Headline) -> tuple[object, ...]:
        found = line.whole.states
        late = line.recent.states["blocked"] if line.recent else 0
        worst = (found["blocked"], found["throttled"], found["partly"], late, found["conflicting"], found["refused"])
        return (*(-n for n in worst), -line.whole.n, line.platform)

    return tuple(
        (
            report.names.group(group) or "",
            tuple(sorted(lines, key=order)[:MAX_ANSWERS]),
            max(0, len(lines) - MAX_ANSWERS),
        )
        for group, lines in grouped.items()
    )


def _networks(report: Report) -> tuple[Network, ...]:
    """Networks that say something first, the best measured of them first."""
    speaks = {cell.network for cell in report.cells if cell.state != INSUFFICIENT}
    found = [network for network in report.networks if network.measurements]
    found.sort(key=lambda n: (n.network not in speaks, -n.measurements, n.network))
    return tuple(found[:MAX_NETWORKS])


def _groups(report: Report) -> tuple[tuple[Group, ...], int]:
    """Targets by group; where there are too many, those with something to say come first."""
    states: dict[str, set[str]] = defaultdict(set)
    for cell in report.cells:
        states[cell.target].add(cell.state)
    order = {target: min(_SERIOUS.index(s) for s in found) for target, found in states.items()}
    wanted = set(report.headline_groups)
    names = report.names

    def groups_of(target: str) -> tuple[str, ...]:
        return names.target_groups.get(target) or next((p.groups for p in names.platforms if target in p.roles), ())

    first = [t for t in states if wanted.intersection(groups_of(t))]
    rest = [t for t in states if not wanted.intersection(groups_of(t))]
    ranked = sorted(first, key=lambda t: (order[t], t)) + sorted(rest, key=lambda t: (order[t], t))
    kept = ranked[:MAX_TARGETS]
    every = (*report.headline_groups, *(group.id for group in names.groups))
    parts: dict[str, list[str]] = {group: [] for group in (*every, "")}
    for target in kept:
        mine = groups_of(target)
        at = next((g for g in every if g in mine), "")
        parts[at].append(target)
    made = tuple(
        Group(names.group(group) or prose.OTHER_GROUP, tuple(targets)) for group, targets in parts.items() if targets
    )
    return made, len(ranked) - len(kept)


def _evidence(report: Report, shown: Sequence[str]) -> tuple[tuple[tuple[str, tuple[Cell, ...]], ...], int]:
    grouped: dict[str, list[Cell]] = defaultdict(list)
    for cell in report.cells:
        if cell.state not in ("ok", INSUFFICIENT):
            grouped[cell.target].append(cell)
    place = {target: index for index, target in enumerate(shown)}
    targets = sorted(grouped, key=lambda t: (place.get(t, len(place)), t))
    made: list[tuple[str, tuple[Cell, ...]]] = []
    total = 0
    for target in targets:
        if total >= MAX_EVIDENCE:
            break
        total += len(grouped[target])
        made.append((target, tuple(sorted(grouped[target], key=lambda c: (_SERIOUS.index(c.state), -c.n)))))
    return tuple(made), sum(map(len, grouped.values())) - total


def _poor(report: Report) -> tuple[tuple[str, tuple[tuple[str, int], ...]], ...]:
    """Why cells say nothing: reason -> (target, networks)."""
    reasons: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for cell in report.cells:
        if cell.reason and cell.state in (INSUFFICIENT, "unknown", "conflicting"):
            reasons[cell.reason][cell.target] += 1
    return tuple((why, tuple(sorted(found.items()))) for why, found in sorted(reasons.items()))
