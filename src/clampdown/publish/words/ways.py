"""Law: what is said of ways through says no more than was tried: `untested` is a word of its own, and never a sign of
success; users are no test; a share of a bootstrap is no probability.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from clampdown.assess.ways import Access, Conflict, Since, Stage, Usage, Way
from clampdown.publish import numbers as num

WARNING: Final = (
    "Using or testing such tools can be visible to those who watch the network, and may be punished. Reachable is not "
    "known to be safe or unobserved."
)
# What an answer does not show, whatever it says.
REMARKS: Final = (
    "OONI's test `tor` reaches public relays, directory authorities and the bridges built into the tool, and no bridge "
    "that was handed out: what it says of obfs4 is about those built in.",
    "A percentage of a bootstrap says how far a try came. It is no probability.",
    "Untested says that these data hold no test of it from these days, and nothing else.",
    "Users are counted by the operators, and are no test: fewer users may mean a network that is cut.",
)
STATE: Final = {
    "works": "works",
    "impaired": "impaired",
    "blocked": "blocked",
    "conflicting": "conflicting",
    "refused": "refused by the far end",
    "down": "down for everyone",
    "insufficient": "too little data",
    "untested": "untested",
}
STATE_MEANS: Final = {
    "works": "Nearly every try came through, the newest within the last two weeks.",
    "impaired": "Some tries come through and others do not, or it is slowed down.",
    "blocked": "Most tries are stopped on the way, while the service is there for others. Of published counts alone: "
    "most tests fail, whatever the cause.",
    "conflicting": "Enough vantage points say that it comes through, and enough others that it is blocked; or networks "
    "differ in this.",
    "refused": "The far end itself declines.",
    "down": "It fails for everyone, here and elsewhere.",
    "insufficient": "Somebody tried, and too few did, or their number is not published: nothing can be said.",
    "untested": "These data hold no test of it in these days.",
}
REASON: Final = {
    "few_measurements": "too few tries decided anything",
    "nothing_decided": "no try decided anything",
    "few_vantage_points": "too few vantage points",
    "vantage_points_unknown": "the vantage points are unknown",
    "mostly_undecided": "most tries decided nothing",
    "no_two_agree": "no two vantage points agree",
    "no_single_cause": "it fails for several reasons, none of which has its share",
    "changed_lately": "it changed lately, and too little was tried since",
    "stale": "nothing newer than two weeks says so",
    "networks_differ": "networks differ",
    "networks_together": "no network has enough data by itself",
    "counts_only": "published counts alone, without vantage points",
    "only_a_share": "a share is published without its number of tests",
    # of users
    "withheld": "the days are withheld: the share of directories that report jumped",
    "counting_changed": "the way of counting changed, and too few days are known since",
    "short_reference": "too few days are known before to say what is usual",
    "few_users": "too few users for a change to mean anything",
    "no_connectivity": "nothing tells how well connected the country was",
    "nearly_dark": "the country was nearly dark in these days",
}
# What a narrow table has room for; elsewhere the reason is said in full.
BRIEF: Final = {"only_a_share": "only a share"}
STAGE: Final = {
    "config": "finding the bridge or the configuration",
    "connect": "connecting",
    "bootstrap": "bootstrapping",
    "transfer": "carrying data",
    "slow": "slowed down",
    "unknown": "at a point that is not known",
}
TREND: Final = {"rises": "rises", "falls": "falls", "steady": "steady", "unknown": "unknown"}
CONFLICT: Final = {
    "users_rise_tests_fail": "more users than usual while tests fail",
    "users_fall_tests_work": "fewer users than usual while tests come through",
}
HEAD: Final = "{country}, {period}: {networks} with tests of these tools"
USERS: Final = "Users, as their operators count them (no test of reachability)"
DISAGREE: Final = "Tests and users disagree"


def label(access: Access, tool: str, way: str, language: str = "en") -> str:
    """`Tor, Snowflake`"""
    labels = access.labels.get(language, {})
    comma = "، " if language == "fa" else ", "
    return f"{labels.get(tool, tool)}{comma}{labels.get(f'{tool}/{way}', way)}"


def stage(found: Stage) -> str:
    """`bootstrapping (5 to 40 %) in 7 tries`"""
    more: list[str] = []
    if found.progress_low is not None and found.progress_high is not None:
        low, high = num.percent(found.progress_low), num.percent(found.progress_high)
        more.append(high if low == high else f"{low} to {high}")
    if found.bytes_low is not None and found.bytes_high is not None:
        low, high = kilobytes(found.bytes_low), kilobytes(found.bytes_high)
        more.append(f"after {high}" if low == high else f"after {low} to {high}")
    detail = f" ({', '.join(more)})" if more else ""
    return f"{STAGE[found.stage]}{detail} in {num.plural(found.n, 'try', 'tries')}"


def kilobytes(size: int) -> str:
    """17 KB; what is less than one is not rounded to none."""
    return f"{round(size / 1000):,} KB" if size >= 1000 else f"{size} bytes"


def share(way: Way) -> str:
    """`9 of 12 came through (75 %, 95 %: 40 to 93 %), 3–4 vantage points`"""
    if not way.n or way.share is None:
        return ""
    told = num.percent(way.share)
    if way.low is not None and way.high is not None:
        told += f", 95 % interval {num.percent(way.low)} to {num.percent(way.high)}"
    text = f"{num.count(way.ok)} of {num.count(way.n)} came through ({told})"
    if way.vantage is not None and way.vantage.high:
        one = way.vantage.low == way.vantage.high == 1
        text += f", {num.bounds(way.vantage.low, way.vantage.high)} vantage point{'' if one else 's'}"
    return text


def since(found: Iterable[Since]) -> list[str]:
    """`blocked between 2026-02-01 and 2026-02-03 (corroborated)`"""
    made: list[str] = []
    for each in found:
        after, before = (None if t is None else t[:16].replace("T", " ") for t in (each.after, each.before))
        when = f"since {before}" if after is None or after == before else f"since between {after} and {before}"
        if each.after is None and (before is None or each.state != "ok"):
            when = "as far back as the data go" if each.state == "ok" else "since before the data begin"
        elif before is None:
            when = f"since some time after {after}"
        word = {"ok": "reachable", "throttled": "slowed down"}.get(each.state, STATE.get(each.state, each.state))
        made.append(f"{each.target} {word} {when} ({each.grade})")
    return made


def reason(code: str | None) -> str | None:
    """A code in words; one without words as it is."""
    return None if code is None else REASON.get(code, num.plain(code))


def state(way: Way) -> str:
    """The word of a state, with a reason that a table must not leave out."""
    brief = BRIEF.get(way.reason or "")
    return f"{STATE[way.state]}: {brief}" if brief else STATE[way.state]


def sentence(access: Access, way: Way) -> str:
    """One cell as one sentence."""
    place = "the country" if way.network is None else num.network(way.network)
    head = f"{label(access, way.tool, way.way)}, {place}: "
    if way.state == "untested":
        return f"{head}untested: these data hold no test of it from {access.first} to {access.last}."
    parts = [STATE[way.state] + (f" ({way.grade})" if way.state != "insufficient" else "")]
    why = reason(way.reason)
    if why is not None:
        parts[0] += f": {why}"
    parts += [text for text in (share(way),) if text]
    if way.networks:
        parts.append(_networks(way))
    if way.stages:
        parts.append("fails at " + num.listed(stage(each) for each in way.stages))
    parts.append(f"last success {way.last_ok[:10]}" if way.last_ok else "no success seen")
    if way.last_failed:
        parts.append(f"last failure {way.last_failed[:10]}")
    if way.vantage is None:  # counts only: they do not say when a try last came through
        parts = parts[: 1 + bool(share(way))]
    return head + "; ".join([*parts, *since(way.since)]) + "."


def _networks(way: Way) -> str:
    enough = num.plural(way.networks or 0, "network")
    if way.reason == "networks_differ":
        return f"comes through on {num.count(way.networks_state or 0)} of {enough} with enough data"
    return f"so on {num.count(way.networks_state or 0)} of {enough} with enough data"


def users(access: Access, found: Usage) -> str:
    """One operator's count of users as one sentence."""
    head = f"{label(access, found.tool, found.way)}: "
    if found.users is None:
        return f"{head}no count of users is usable" + (f": {reason(found.reason)}." if found.reason else ".")
    text = f"{head}{found.users:,.0f} users on {found.day} as {num.plain(found.operator)} counts them"
    if found.ratio is not None:
        text += f", {num.percent(found.ratio)} of usual"
    if found.adjusted is not None:
        text += f", {num.percent(found.adjusted)} after allowing for connectivity"
    return f"{text}; {TREND.get(found.trend, found.trend)}" + (f" ({reason(found.reason)})." if found.reason else ".")


def conflict(access: Access, found: Conflict) -> str:
    """Both numbers, and no third."""
    return (
        f"{label(access, found.tool, found.way)}: {CONFLICT.get(found.kind, found.kind)}: "
        f"{num.percent(found.share)} of {num.plural(found.n, 'try', 'tries')} came through, and users are at "
        f"{num.percent(found.adjusted)} of usual after allowing for connectivity."
    )
