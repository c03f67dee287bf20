"""Law: a code of `detect` has one prose, here; a code without one is shown as it is; what nobody writes is not here.

A code is a word, or a word and a value behind a colon. `{}` in its prose is the value, `{n one|many}` a number of
things. tests/publish/test_codes.py holds this table against what the detector writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from clampdown.publish import numbers as num

AGAINST: Final = {
    "undecided": "on {n day|days} none of the tries decided anything",
    "one_vantage_ok": "one vantage point saw it work in between",
    "one_device": "one device alone saw it",
    "silent": "nobody has tried for the last {n day|days} of the data",
    "networks_open": "{n other network|other networks} with data {does|do} not show it",
    "one_network": "one network alone shows it",
    "fails_elsewhere": "it newly failed in {n other country|other countries} in the same days",
    "controls_fail": "controls failed too, for {n target|targets}",
    "follows_version": "it keeps to version {} of the probe",
    "follows_platform": "it keeps to probes on {}",
    "site_down": "the site itself was down",
    "instrument": "it follows a change of the instrument",
    "withheld": "how it began says nothing of policy",
}
PATTERN: Final = {
    "partial": "it affects only a part of the tries",
    "recurring": "it comes and goes{, n time|times}",
    "hours": "it keeps to the hours {} UTC",
}
# Clauses behind "because"; what backs an event without joining its parts stands in BACKING.
WHY: Final = {
    "same_platform": "they concern one target or platform, within days of each other",
    "same_days": "they fall on the same days",
    "shared_networks": "they share networks",
}
BACKING: Final = {"works_elsewhere": "in the same days it worked in {n other country|other countries}"}
# What `detect` writes of outages.
OUTAGE_WHY: Final = {
    "no_outside_source": "no source outside the signals says that it was ordered",
    "published_list": "a published list of shutdowns has it",
    "order": "an order or an official statement was published",
    "own_evidence_only": "what was published of it rests on the very signals used here",
    "accident_named": "a published record names an accident as its cause",
}
OUTAGE_AGAINST: Final = {
    "new_normal": "a level has settled at another height, which may be a new normal",
    "one_signal": "one signal alone shows it",
    "planes_disagree": "on other planes there are data, and they did not fall",
    "no_data_since": "there are no data since",
    "short_history": "too little is known of the time before",
    "begun_apart": "its planes did not begin together",
    "scale_ends": "the file that shows it ends; another one goes on, on a scale of its own",
    "use_alone": "only use fell and not by much: holidays and curfews of people look the same",
    "operator_shared": "all signals that fell are measured by one operator",
    "published_accident": "a published record calls it an accident",
}
OUTAGE_PATTERN: Final = {
    "nightly": "it comes back at night",
    "mornings": "it comes back in the mornings",
    "recurring": "it comes back at the same hours",
}
FEATURE: Final = {
    "on_the_hour": "it begins on the hour, local time",
    "half_hour_multiple": "it lasts a multiple of half an hour",
    "round_duration": "it lasts a round number of hours",
    "recurs_1_4_days": "it comes again after exactly one to four days",
    "all_signals": "all watched signals fell",
    "election": "an election is on record for these days",
    "protest": "protests are on record for these days",
    "coup": "a coup is on record for these days",
    "exam": "exams are on record for these days",
    "order": "an order is on record for these days",
}
FEATURE_VALUE: Final = {"yes": "yes", "no": "no", "unknown": "not known"}
# Notes on signals; none of them is an outage.
NOTE_SIGNALS: Final = {
    "surge": "a rise of users, which is no outage",
    "short_history": "too few days to know what is usual: silence about it says nothing",
    "withheld": "days whose source had too little of its own instrument, so that nothing is said of them",
    "source_failure": "one source fell in many countries at once, which says nothing of any of them",
}
NOTE: Final = NOTE_SIGNALS | {
    "instrument": "a change of the instrument, not of policy",
    "site_down": "the site itself was down, not blocked",
    "volume": "the number of measurements collapsed, which says nothing of blocking and is no recovery",
    "burst": "a burst of devices, set aside: it starts and ends nothing",
    "broken_probe": "probes that fail at everything, set aside",
}
COUNTED: Final = frozenset({"volume", "burst", "broken_probe", *NOTE_SIGNALS})  # notes whose detail says how many
WITHHELD: Final = frozenset({"site_down", "instrument", "withheld"})  # these take the claim back
NOTE_BRIEF: Final = {
    "instrument": "Instrument",
    "site_down": "Site down",
    "volume": "Fewer measurements",
    "burst": "Burst of devices",
    "broken_probe": "Broken probes",
    "surge": "Rise of users",
    "short_history": "Too short to be judged",
    "withheld": "Days withheld",
    "source_failure": "Source failed",
}
DETAIL: Final = {
    "version": "with version {}",
    "platform": "on {}",
    "test_list": "with another list of what is tested",
    "reference": "with other reference data",
    "targets": "with {n target|targets} down",
    "measurements": "{n measurement|measurements}",
    "days": "in {n day|days}",
    "usual": ", where {} a day are usual",
    "devices": "{n device|devices}",
    "judged": ", of which {n could|could} be judged",
    "signal": "",  # said as what the note is about
    "factor": "{} times what is expected",
    "operator": "measured by {}",
    "entities": "in {n place|places} at once",
    "sessions": "{n session|sessions}",
}
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]*", re.ASCII)
_COUNTED: Final = re.compile(r"\{(?P<before>[^{}n]*)n (?P<one>[^{}|]+)\|(?P<many>[^{}|]+)\}")
_VERB: Final = re.compile(r"\{(?P<one>[^{}|]+)\|(?P<many>[^{}|]+)\}")


def name(text: str) -> str:
    """A name from outside; what could turn the text around it is set apart."""
    return text if _SAFE.fullmatch(text) and len(text) <= 200 else num.name(text)


def split(codes: str | None) -> list[str]:
    """Codes are separated by commas; blanks around them mean nothing."""
    return [code for part in (codes or "").split(",") if (code := part.strip())]


def details(text: str | None) -> list[str]:
    """The parts of a note's detail: counts are separated by blanks, and a name may hold some."""
    parts = (text or "").split(" ")
    if all(":" in part and _head(part) in DETAIL for part in parts):
        return parts
    return split(text)


def contradictions(codes: str | Iterable[str] | None) -> list[str]:
    """What speaks against a finding or an event."""
    return _said(codes, AGAINST)


def withheld(codes: str | None) -> list[str]:
    """Why interference that was seen is no claim."""
    return _said([code for code in split(codes) if _head(code) in WITHHELD], AGAINST)


def patterns(codes: str | Iterable[str] | None) -> list[str]:
    return _said(codes, PATTERN)


def outage_reasons(codes: str | Iterable[str] | None) -> list[str]:
    """Why an outage is called what it is called."""
    return _said(codes, OUTAGE_WHY)


def outage_doubts(codes: str | Iterable[str] | None) -> list[str]:
    """What speaks against an outage."""
    return _said(codes, OUTAGE_AGAINST)


def reasons(codes: str | Iterable[str] | None) -> list[str]:
    """Each code of `why` by itself."""
    return _said(codes, WHY | BACKING)


def backing(codes: str | Iterable[str] | None) -> list[str]:
    """What else speaks for an event being one of policy."""
    return _said([code for code in _listed(codes) if _head(code) in BACKING], BACKING)


def together(codes: str | Iterable[str] | None, targets: int) -> str:
    """Why the changes of an event are one event: one clause, as far as it goes with the number of targets."""
    rest = [code for code in _listed(codes) if _head(code) not in BACKING]
    known = {"same_platform", "same_days", "shared_networks"}
    made: list[str] = []
    if {"same_days", "shared_networks"} <= set(rest):
        made.append("several targets changed on the same days and on shared networks")
    elif "same_platform" in rest:
        made.append(
            "one target changed, network by network, within days"
            if targets == 1
            else "parts of one platform changed within days of each other"
        )
    else:
        known = set[str]()
    made += _said([code for code in rest if code not in known], WHY)
    return num.listed(made)


def detail(text: str | None) -> str:
    """version:probe/3.9 → with version probe/3.9; devices:40 usual:3 → 40 devices, where 3 a day are usual"""
    return " ".join(filter(None, _said(details(text), DETAIL))).replace(" ,", ",")


def _listed(codes: str | Iterable[str] | None) -> list[str]:
    return split(codes) if codes is None or isinstance(codes, str) else list(codes)


def _head(code: str) -> str:
    return code.partition(":")[0]


def _said(codes: str | Iterable[str] | None, known: dict[str, str]) -> list[str]:
    return list(dict.fromkeys(_one(code, known) for code in _listed(codes)))


def _one(code: str, known: dict[str, str]) -> str:
    head, _, value = code.partition(":")
    prose = known.get(head)
    if prose is None:
        return name(code)
    return _filled(prose, value)


def _filled(prose: str, value: str) -> str:
    number = int(value) if value.isascii() and value.isdecimal() and len(value) < 16 else None
    if number is None:
        shown = name(value) if value else ""
        prose = _COUNTED.sub(lambda m: f"{m['before']}{shown} {m['many']}" if shown else "", prose)
        prose = _VERB.sub(lambda m: m["many"], prose)
        return " ".join(prose.replace("{}", shown).split())
    prose = _COUNTED.sub(lambda m: m["before"] + num.plural(number, m["one"], m["many"]), prose)
    prose = _VERB.sub(lambda m: m["one" if number == 1 else "many"], prose)
    return prose.replace("{}", num.count(number))
