"""Law: a code has one prose; a code without one is shown as it is, never left out.

What the detector writes in `contradicts`, `pattern`, `why` and `detail` is a code, or a code and a value behind a
colon. What runs of `detect` say of each other has its words here too.
"""

from __future__ import annotations

from typing import Final

from clampdown.publish import numbers as num

AGAINST: Final = {
    "site_down": "the target newly failed in other countries in the same hours",
    "elsewhere": "the target newly failed elsewhere in the same hours",
    "controls_failed": "controls failed too",
    "controls_fail": "controls failed too",
    "control_unknown": "there was no control that could have failed too",
    "contrast_missing": "too few other countries tested the target in those hours to compare",
    "no_contrast": "too few other countries tested the target in those hours to compare",
    "instrument": "it follows a change of the instrument",
    "software": "it follows a change of the probe's software",
    "version": "it follows a change of the probe's software",
    "test_version": "it follows a change of the test's version",
    "platform": "it is seen on one kind of device only",
    "test_list": "it follows a change of the list of what is tested",
    "reference": "it follows a change of the reference data",
    "rules": "it follows a change of the rules",
    "volume": "the number of measurements collapsed in the same days",
    "silence": "measurements stopped in the same days",
    "burst": "most of its measurements came in one burst",
    "one_vantage": "most of it rests on one vantage point",
    "one_vantage_point": "most of it rests on one vantage point",
    "does_not_stand": "it does not stand with any one vantage point left out",
    "few_measurements": "few tries decided anything",
    "few_vantage_points": "few vantage points",
    "vantage_points_unknown": "the vantage points are unknown",
    "nothing_decided": "no try decided anything",
    "mostly_undecided": "most tries decided nothing",
    "no_two_agree": "no two vantage points agree",
    "mixed": "some vantage points saw it work on the same days",
    "ok_layers": "other layers worked",
    "wide_bracket": "its time is known within a wide bracket only",
    "gap": "days without data lie within it",
    "few_days": "it was seen on few days",
}
PATTERN: Final = {
    "partial": "it affects only a part of the tries",
    "recurring": "it comes and goes",
    "flapping": "it comes and goes",
    "hours": "it holds in some hours of the day",
    "rollout": "it reached network after network",
}
WHY: Final = {
    "time": "their brackets overlap",
    "same_time": "their brackets overlap",
    "bracket": "their brackets overlap",
    "platform": "they are of one platform",
    "same_platform": "they are of one platform",
    "group": "their platforms are of one group",
    "same_group": "their platforms are of one group",
    "mechanism": "they look alike",
    "same_mechanism": "they look alike",
    "network": "they are on one network",
    "same_network": "they are on one network",
    "target": "they are of one target",
    "same_target": "they are of one target",
    "rollout": "network followed network within days",
    "single": "it is one change",
}
NOTE: Final = {
    "instrument": "a change of the instrument, not of policy",
    "site_down": "the site itself was down, not blocked",
    "volume": "the number of measurements collapsed, which says nothing of blocking and is no recovery",
    "burst": "a burst of measurements, which counts no more than its vantage points",
    "broken_probe": "probes that fail at everything, left out of the count",
}
MEMBERS: Final = {"volume": "measurement", "burst": "measurement", "broken_probe": "vantage point"}
KIND: Final = {
    "new": "NEW",
    "ended": "ENDED",
    "revised": "REVISED",
    "superseded": "SUPERSEDED",
    "withdrawn": "WITHDRAWN",
}
TITLE: Final = {
    "new": "New",
    "ended": "Ended",
    "revised": "Revised",
    "superseded": "Superseded",
    "withdrawn": "Withdrawn",
}
DIRECTION: Final = {"block": "block", "unblock": "unblock"}
FEED: Final = "Clampdown: events{where}"
ABOUT: Final = "Findings of interference with the net, as runs of clampdown detect reported and revised them."
WITHDRAWN: Final = "It is said no longer: with the data known now, the change does not stand. It had been said: "
SUPERSEDED: Final = "It is said no longer; in its place: {by}. It had been said: "
CLOSED: Final = "The events were left out: their source does not allow passing them on."
RUN: Final = "run {run}, said on {when}, data until {as_of}"
RUN_SHORT: Final = "run {run}"
FINDINGS: Final = "and {findings} with another state or grade (-v names them)"
ORDER: Final = tuple(KIND)
NOTHING: Final = "nothing new since run {since}"
NEWEST: Final = "newest run: {run}"
_COLUMN: Final = {"onset_after": "last seen as before", "onset_before": "first seen as after", "lasts": "lasts"}


def contradictions(codes: str | None) -> list[str]:
    """What speaks against a finding or an event."""
    return _said(codes, AGAINST)


def patterns(codes: str | None) -> list[str]:
    return _said(codes, PATTERN)


def reasons(codes: str | None) -> list[str]:
    """Why the members of an event belong together."""
    return _said(codes, WHY)


def split(codes: str | None) -> list[str]:
    """Codes are separated by commas; blanks around them mean nothing."""
    return [code for part in (codes or "").split(",") if (code := part.strip())]


def _said(codes: str | None, words: dict[str, str]) -> list[str]:
    made: list[str] = []
    for code in split(codes):
        head, _, value = code.partition(":")
        if head == "hours" and words is PATTERN:
            made.append(f"it holds in the hours {num.plain(value, 40)} UTC")
        elif head in words:
            made.append(words[head] + (f" ({num.plain(value, 120)})" if value else ""))
        else:
            made.append(num.plain(code, 160))
    return list(dict.fromkeys(made))


def detail(code: str) -> str:
    """software:ooniprobe-android/3.9.0 → software ooniprobe-android/3.9.0"""
    head, colon, value = code.strip().partition(":")
    return num.plain(f"{head.replace('_', ' ')} {value}" if colon else code.strip(), 160)


def shift(column: str, before: object, after: object) -> str:
    """grade: consistent, now corroborated"""
    label = _COLUMN.get(column, column.replace("_", " "))
    return f"{label}: {_value(before)}, now {_value(after)}"


def _value(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return num.plain(str(value), 120)
