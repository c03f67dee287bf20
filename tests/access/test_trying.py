"""Law: a way comes through as its targets do; what was not heard is never taken for what was."""

from __future__ import annotations

import pytest
from way_tries import row

from clampdown.assess.trying import combine, state_of, together
from clampdown.errors import RuleError
from clampdown.reference import load_reference, toml
from clampdown.reference.tools import KINDS, LANGUAGES, Way, labels_of, load_tools, tool_table, ways_of

WAYS = {way.key: way for way in ways_of(tool_table())}


def way(**parts: tuple[str, ...]) -> Way:
    names = ("lead", "all_of", "any_of", "may_miss", "beside", "config", "variants", "usage", "counted")
    return Way(tool="t", id="w", label={}, tor_type=None, **{name: parts.get(name, ()) for name in names})


BOTH, EITHER = way(all_of=("api", "gates")), way(any_of=("a", "b"), may_miss=("b",))
LED = way(lead=("whole",), any_of=("a", "b"), may_miss=("b",))
CASES = [
    (BOTH, {"api": "ok", "gates": "ok"}, "ok"),
    (BOTH, {"api": "ok"}, "unknown"),  # the gates were not heard: that is no success
    (BOTH, {"api": "ok", "gates": "unknown"}, "unknown"),
    (BOTH, {"api": "blocked"}, "blocked"),
    (BOTH, {"api": "ok", "gates": "down"}, "down"),
    (BOTH, {"api": "throttled", "gates": "ok"}, "throttled"),
    (BOTH, {"api": "throttled", "gates": "blocked"}, "blocked"),
    (BOTH, {"api": "mixed", "gates": "ok"}, "mixed"),
    (BOTH, {}, "unknown"),
    (EITHER, {"a": "blocked", "b": "ok"}, "ok"),
    (EITHER, {"a": "blocked", "b": "blocked"}, "blocked"),
    (EITHER, {"a": "blocked"}, "blocked"),  # b need not have been heard
    (EITHER, {"b": "blocked"}, "unknown"),  # a might have come through
    (EITHER, {"b": "ok"}, "ok"),
    (EITHER, {"a": "blocked", "b": "throttled"}, "throttled"),
    (EITHER, {"a": "refused", "b": "down"}, "refused"),
    (LED, {"whole": "blocked", "a": "ok", "b": "ok"}, "blocked"),
    (LED, {"whole": "ok", "a": "blocked"}, "ok"),
    (LED, {"whole": "unknown", "a": "blocked"}, "blocked"),
    (way(all_of=("api",), any_of=("a",)), {"api": "ok", "a": "ok"}, "ok"),
    (way(all_of=("api",), any_of=("a",)), {"a": "ok"}, "unknown"),
]


@pytest.mark.parametrize(("one", "found", "state"), CASES)
def test_together(one: Way, found: dict[str, str], state: str) -> None:
    assert together(found, one)[0] == state


@pytest.mark.parametrize(
    ("states", "state"),
    [({"ok"}, "ok"), ({"ok", "unknown"}, "ok"), ({"ok", "blocked"}, "mixed"), ({"unknown"}, "unknown")],
)
def test_one_target_within_an_hour(states: set[str], state: str) -> None:
    assert state_of(states) == state


def test_tries_of_a_way_are_hours_of_vantage_points() -> None:
    rows = [
        row("v0", 0, "ok", 1, target="api"), row("v0", 0, "blocked", 1, target="gates", mechanism="tcp.timeout"),
        row("v0", 0, "ok", 2, target="api"), row("v0", 0, "ok", 2, target="gates"),
        row("v1", 0, "ok", 1, target="api"), row("v1", 0, "ok", 3, target="gates"),
        row("v2", 0, "ok", 1, target="other"), row("v3", 0, "invalid", 1, target="api"),
    ]  # fmt: skip
    made = sorted(combine(rows, BOTH), key=lambda each: (each.vantage or "", each.hour or 0))
    assert [(each.vantage, each.hour, each.state, each.mechanism) for each in made] == [
        ("v0", 1, "blocked", "tcp.timeout"),
        ("v0", 2, "ok", None),
        ("v1", 1, "unknown", None),
        ("v1", 3, "unknown", None),
    ]
    assert {each.target for each in made} == {"t/w"}


def test_both_within_an_hour_stay_both() -> None:
    rows = [row("v0", 0, "ok", target="a"), row("v0", 0, "blocked", target="a"), row("v0", 0, "blocked", target="b")]
    assert [each.state for each in combine(rows, EITHER)] == ["blocked", "ok"]


def test_the_table_of_tools() -> None:
    tools = tool_table()
    assert {tool.kind for tool in tools} == set(KINDS)
    known = load_reference().targets
    roles = {f"{p.id}/{r}" for p in known.platforms.values() for r in p.roles}
    # Targets that readers make and for which the table of targets has no role, or nobody has a test yet.
    others = {"tor/meek", "tor/webtunnel", "lantern/tunnel", "wireguard/tunnel"}
    targets = [target for one in ways_of(tools) for target in one.targets]
    assert set(targets) <= roles | others
    assert len(targets) == len(set(targets)), "a target speaks for one way"
    assert {t for t in roles if t.startswith("dns/")} <= set(targets), "every encrypted resolver of the table"
    assert set(known.group("circumvention")) <= set(targets), "every platform of that group is a way through"
    assert WAYS["tor/direct"].tor_type == "vanilla"
    assert [one.tor_type for one in ways_of(tools) if one.tor_type and one.tool != "tor"] == []
    assert WAYS["tor/snowflake"].counts("snowflake/clients")
    assert not WAYS["tor/snowflake"].counts("tor/transport/obfs4")


def test_labels_in_both_languages() -> None:
    labels = labels_of(tool_table())
    assert set(labels) == set(LANGUAGES)
    assert labels["en"].keys() == labels["fa"].keys()
    for key, text in labels["fa"].items():
        persian = any("\u0600" <= letter <= "\u06ff" for letter in text)
        assert persian or text == labels["en"][key], f"{key}: a name in Latin letters is the product's own"
        assert not set("يك") & set(text), f"{key}: letters of Arabic, not of Persian"


@pytest.mark.parametrize(
    "text",
    [
        "[[tool]]\nid = 'a'\nkind = 'none'\nlabel = {en = 'a', fa = 'a'}",
        "[[tool]]\nid = 'a'\nkind = 'vpn'\nlabel = {en = 'a', fa = 'a'}",
        "[[tool]]\nid = 'a'\nkind = 'vpn'\nlabel = {en = 'a'}\n[[tool.way]]\nid = 'w'\nlabel = {en = 'w', fa = 'w'}",
        "[[tool]]\nid='a'\nkind='vpn'\nlabel={en='a',fa='a'}\n[[tool.way]]\nid='w'\nlabel={en='w',fa='w'}",
        "[[tool]]\nid='a'\nkind='vpn'\nlabel={en='a',fa='a'}\n[[tool.way]]\nid='w'\nlabel={en='w',fa='w'}\n"
        "any_of=['x']\nmay_miss=['y']",
        "[[tool]]\nid='a'\nkind='vpn'\nlabel={en='a',fa='a'}\n[[tool.way]]\nid='w'\nlabel={en='w',fa='w'}\n"
        "any_of=['x']\nbeside=['x']",
    ],
)
def test_tables_that_contradict_themselves(text: str) -> None:
    with pytest.raises(RuleError):
        load_tools(toml.read(text.encode(), "tools.toml"))
