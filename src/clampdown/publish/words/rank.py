"""Law: a rank is told as what it is, a place among what was measured; what is withheld or untested is named so, and
never reads as a place or as good.
"""

from __future__ import annotations

from typing import Final

from clampdown.assess.rank_document import Comparison, Component, Estimate, Frame, Standing
from clampdown.publish import numbers as num

STATES: Final = {
    "ranked": "ranked",
    "withheld": "place withheld",
    "outside_frame": "outside of the frame",
    "not_enough_data": "not enough data",
    "untested": "untested",
}
REASONS: Final = {
    "too_wide": "the interval of its place is too wide",
    "few_countries": "too few countries have enough data",
    "outside_frame": "it is not a country of the declared frame",
    "no_data": "nothing was measured",
    "few_networks": "too few networks were measured",
    "few_targets": "too few targets of the common list were tried",
    "few_tries": "too few tries",
    "few_vantage_points": "on no network did enough vantage points decide anything",
    "few_common": "too few of its targets are on the common list",
    "few_months": "too little time with signals of the whole country",
    "no_signals": "no signals of the whole country",
    "not_detected": "outages were not looked for: run clampdown detect first",
    "never_seen": "no try saw it, so it tells no country from another",
    "coverage": "too few of the countries have data on it",
    "no_weight": "told, and not weighed",
    "not_asked": "not asked for",
    "few_in_common": "too few countries in common",
    "no_order": "one of the two orders has no order",
}
UNITS: Final = {"share": "share of its list", "hours_per_month": "hours a month"}
PUBLISHERS: Final = {
    "freedom_house": "Freedom House, Freedom on the Net",
    "rsf": "Reporters Without Borders (RSF), World Press Freedom Index: a measure of press freedom, of which the "
    "internet is a part",
    "given": "the file that was given",
}
MEASURES: Final = {
    "total": "total",
    "part_a": "part A, obstacles to access",
    "part_b": "part B, limits on content",
    "part_c": "part C, violations of users' rights",
    "rank": "rank",
    "score": "score",
}
CORRELATIONS: Final = {"spearman": "Spearman", "kendall": "Kendall"}
CHANGES: Final = {"double": "weight of {} doubled", "half": "weight of {} halved", "without": "without {}"}
WARNINGS: Final = (
    "This orders countries by what could be measured of blocking, throttling and shutdowns. It is no measure of "
    "freedom: who is punished for what they write, watched, or made silent does not show in it.",
    "A place is a place among the countries with enough data. Countries without are listed as such. They may be worse "
    "than any that is ranked: where measuring is dangerous, few measure.",
    "Read the interval, and not the number in its middle. Two countries whose intervals overlap may stand the other "
    "way round.",
)


def reason(code: str | None) -> str:
    """A code that is unknown here is shown as it is."""
    return "" if code is None else REASONS.get(code, code)


def state(code: str) -> str:
    return STATES.get(code, code)


def place(one: Standing) -> str:
    """`4.2`, the mean over draws, or what stands in its stead: never a number where there is no place."""
    return f"{one.rank:.1f}" if one.state == "ranked" and one.rank is not None else state(one.state)


def interval(one: Standing) -> str:
    """3 to 7"""
    if one.low is None or one.high is None:
        return ""
    return str(one.low) if one.low == one.high else f"{one.low} to {one.high}"


def band(one: Standing) -> str:
    if one.band_low is None or one.band_high is None:
        return ""
    low, high = f"{one.band_low:.1f}", f"{one.band_high:.1f}"
    return low if low == high else f"{low} to {high}"


def chance(value: float | None) -> str:
    """A probability that comes from draws is never certain."""
    if value is None:
        return ""
    if value <= 0.005:
        return "< 1%"
    return "> 99%" if value >= 0.995 else f"{value:.0%}"


def value(one: Estimate, unit: str) -> str:
    """12 % (8 to 17 %), or why there is none."""
    if one.mean is None or one.low is None or one.high is None:
        return reason(one.reason) or state("not_enough_data")
    return f"{middle(one, unit)} ({ends(one, unit)})"


def middle(one: Estimate, unit: str) -> str:
    """The mean of a value that is told."""
    return _amount(one.mean or 0.0, unit)


def ends(one: Estimate, unit: str) -> str:
    """8% to 17%"""
    return f"{_amount(one.low or 0.0, unit)} to {_amount(one.high or 0.0, unit)}"


def _amount(value: float, unit: str) -> str:
    """A share that is estimated is neither nought nor all."""
    if unit != "share":
        return "< 0.1 h" if value < 0.05 else f"{value:.1f} h"
    return "< 1%" if value < 0.005 else "> 99%" if value >= 0.995 else f"{value:.0%}"


def short(one: Estimate, unit: str) -> str:
    """How much stands behind it, in one line."""
    if unit == "share":
        return f"{num.plural(one.tries, 'try', 'tries')}, {num.plural(one.networks, 'network')}"
    return f"{num.plural(one.cuts or 0, 'cut')}, {one.months or 0:.1f} months"


def percent(part: float) -> str:
    return num.percent(part)


def prior(code: str, about: Frame) -> str:
    """What is believed otherwise."""
    found = next((each for each in about.priors if each.id == code), None)
    return code if found is None else found.label


def limit(about: Frame, name: str) -> float:
    return float(getattr(about.limits, name))


def behind(one: Estimate, unit: str) -> str:
    """What stands behind a value."""
    if unit == "share":
        tries = f"{num.plural(one.hits, 'hit')} in {num.plural(one.tries, 'try', 'tries')}"
        return f"{tries}, {num.plural(one.targets, 'target')}, {num.plural(one.networks, 'network')}"
    if one.months is None:
        return ""
    more = f"; {num.plural(one.narrower, 'narrower cut')} not counted" if one.narrower else ""
    return f"{num.plural(one.cuts or 0, 'cut')} in {one.months:.1f} months{more}"


def change(code: str, labels: dict[str, str]) -> str:
    """double:breadth → weight of Breadth of blocking doubled"""
    how, _, component = code.partition(":")
    return CHANGES.get(how, "{}").format(labels.get(component, component))


def standfirst(about: Frame) -> str:
    """How many are ranked, and how many are not."""
    counted = f"{num.plural(about.ranked, 'country has', 'countries have')} enough data, of {len(about.frame):,}"
    return f"{counted} in the frame; {num.count(len(about.without))} have not, and have no place."


def period(about: Frame) -> str:
    """The days of the data."""
    if about.first is None or about.last is None:
        return "no days with data"
    return num.period(about.first, about.last)


def weight(one: Component) -> str:
    if one.used:
        return f"{one.used:.0%} of the whole"
    return f"not in the whole: {reason(one.reason)}" if one.reason else "not in the whole"


def comparison(one: Comparison) -> str:
    """Freedom House, Freedom on the Net (2018), part B"""
    year = f" ({one.year})" if one.year else ""
    who = PUBLISHERS.get(one.publisher, one.publisher)
    ours = "" if one.component is None else f"; ours: {one.component} alone"
    return f"{who}{year}, {MEASURES.get(one.measure, one.measure)}{ours}"


def agreement(one: Comparison) -> str:
    """Spearman 0.71 (0.52 to 0.83), or why there is none."""
    if one.reason is not None:
        return f"no correlation is told: {reason(one.reason)} ({one.n})"
    return "; ".join(
        f"{CORRELATIONS.get(a.of, a.of)} {a.value:z.2f} ({a.low:z.2f} to {a.high:z.2f})" for a in one.agreement
    )
