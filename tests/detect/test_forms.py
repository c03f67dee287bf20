"""Law: each form in which access is cut gives the event that it is, once, with brackets that hold the truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
import tried
from tried import Row, at, events, findings, found, holds, notes, own, path


@dataclass(frozen=True)
class Form:
    """One series in which one thing happens: what is told of it."""

    days: str
    onset: float | None  # days since the world began
    end: float | None
    state: str = "blocked"
    grade: str = "corroborated"
    pattern: str | None = None
    tries: int = 6
    crew: int = 3
    share: float = 1.0
    of_day: tuple[tuple[str, str], ...] = ()  # letters of one's own, and what they mean, a letter an hour

    def rows(self, **given: object) -> list[Row]:
        words = {"tries": self.tries, "crew": self.crew, "share": self.share} | given
        return path(self.days, of_day=dict(self.of_day), **words)  # type: ignore[arg-type]


OPEN = "." * 20
FORMS = {
    "full": Form(f"{OPEN}{'x' * 10}{OPEN}", 20, 30),
    "full, lasting": Form(f"{OPEN}{'x' * 10}", 20, None),
    "two tries a day": Form(f"{OPEN}{'x' * 10}{OPEN}", 20, 30, tries=2, crew=2),
    "partial": Form(f"{OPEN}{'x' * 14}{OPEN}", 20, 34, pattern="partial", tries=20, crew=5, share=0.3),
    "throttled": Form(f"{OPEN}{'t' * 10}{OPEN}", 20, 30, state="throttled"),
    "hours": Form(
        f"{OPEN}h{OPEN}", 20 + 9 / 24, 20 + 17 / 24, grade="consistent", tries=72, crew=6,
        of_day=(("h", "." * 9 + "x" * 8 + "." * 7),),
    ),
    "curfew": Form(
        f"{OPEN}e{'n' * 13}m{OPEN}", 20 + 22 / 24, 34.25, pattern="hours:22-06", tries=48, crew=5,
        of_day=(("e", "." * 22 + "xx"), ("n", "xxxxxx" + "." * 16 + "xx"), ("m", "xxxxxx" + "." * 18)),
    ),
    "flapping": Form(f"{OPEN}xxx...xxx...xxx...xxx{OPEN}", 20, 41, pattern="recurring:4", crew=5),
    "over a silence": Form(f"{OPEN}xxxxx     xxxxx{OPEN}", 20, 35),
    "unblock": Form(f"{'x' * 20}{OPEN}", None, 20),
    "standing": Form("x" * 20, None, None),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_is_one_event_with_brackets_that_hold_it(form: Form) -> None:
    tables = found(form.rows())
    blocks, unblocks = events(tables, "block"), events(tables, "unblock")
    assert (len(blocks), len(unblocks)) == (form.onset is not None, form.end is not None)
    first, *rest = own(tables)
    assert (first["state"], first["grade"], first["pattern"]) == (form.state, form.grade, form.pattern)
    assert [one["state"] for one in rest] == (["ok"] if form.end is not None else [])
    assert first["mechanism"] == ("tls.throttle.sni" if form.state == "throttled" else "tls.reset.sni")
    if form.onset is None:
        assert first["onset_after"] is None
        assert first["event"] is None
    else:
        assert holds(blocks[0], at(form.onset))
        assert holds(first, at(form.onset))
        assert first["onset_before"] - first["onset_after"] <= timedelta(days=2)
        assert first["event"] == blocks[0]["event"]
        assert blocks[0]["lasts"] is (form.end is None)
    if form.end is None:
        assert (first["end_after"], first["end_before"], first["event_end"]) == (None, None, None)
    else:
        assert holds(first, at(form.end), "end")
        assert holds(unblocks[0], at(form.end))
        assert first["event_end"] == unblocks[0]["event"]
        assert rest[0]["onset_after"] == first["end_after"]
    if blocks and unblocks:
        assert blocks[0]["counterpart"] == unblocks[0]["event"]
        assert unblocks[0]["counterpart"] == blocks[0]["event"]
    assert notes(tables) == []


@pytest.mark.parametrize("name", ["full", "partial", "throttled", "flapping"])
def test_a_dominant_prober_hides_and_makes_nothing(name: str) -> None:
    """One credentialed device tries twelve times a day, every day, and sees what all see; the others three times."""
    form = FORMS[name]
    crowd = form.rows(tries=max(6, form.tries // 2), crew=form.crew)
    big = form.rows(tries=24, crew=1, tag="big", vantage="station", vantage_kind="credential")
    tables = found([*crowd, *big])
    assert [one["direction"] for one in events(tables)] == ["block", "unblock"]
    first = own(tables)[0]
    assert (first["state"], first["grade"]) == (form.state, form.grade)
    assert form.onset is not None
    assert holds(first, at(form.onset))
    assert first["n_effective"] <= first["n"] / 2


def test_what_only_the_dominant_prober_sees_is_no_more_than_consistent() -> None:
    crowd = path("." * 50, tries=3)
    big = path("." * 20 + "x" * 10 + "." * 20, tries=24, crew=1, tag="big", vantage="station",
               vantage_kind="credential")  # fmt: skip
    assert tried.strong(found([*crowd, *big])) == []


def test_a_slow_roll_out_over_networks_is_one_event() -> None:
    delays = {64500 + n: 2 * n for n in range(6)}
    tables = found(*(path("." * (20 + d) + "x" * (30 - d), network=n) for n, d in delays.items()))
    (event,) = events(tables)
    assert event["networks"] == " ".join(map(str, delays))
    assert holds(event, at(20))
    assert at(30) <= event["spread"] <= at(31)
    assert "same_platform" in event["why"]


def test_one_national_decision_over_networks_and_domains_is_one_event() -> None:
    sites = [f"web/site{n}.example" for n in range(4)]
    free = [f"web/free{n}.example" for n in range(4)]
    networks = range(64500, 64506)
    rows = [path("." * 20 + "x" * 12, network=n, target=t, tries=3) for n in networks for t in sites]
    rows += [path("." * 32, network=n, target=t, tries=3) for n in networks for t in free]
    tables = found(*rows)
    (event,) = events(tables)
    assert (event["members"], event["targets_n"], event["networks_n"]) == (24, 4, 6)
    assert event["networks_data"] == 6
    assert event["targets"].split() == sites
    assert set(event["why"].split(",")) >= {"same_platform", "same_days", "shared_networks"}
    assert tables["event_members"].num_rows == 24
    assert {one["state"] for one in findings(tables, network=None) if one["target"] in free} == {"ok"}


def test_two_decisions_a_month_apart_are_two_events() -> None:
    one = path("." * 20 + "x" * 40)
    other = path("." * 50 + "x" * 10, target="web/other.example")
    assert [e["targets"] for e in events(found(one, other))] == [tried.SITE, "web/other.example"]


def test_resolvers_that_rotate_change_nothing() -> None:
    rows = [path(letter, first=day, resolver_network=(64500, 15169, 13335, 36692)[day % 4])
            for day, letter in enumerate("." * 40)]  # fmt: skip
    tables = found(*rows)
    assert tables["event_members"].num_rows == 0
    assert [one["state"] for one in own(tables)] == ["ok"]
    blocked = [[one | {"state": "blocked", "mechanism": "dns.nxdomain"} for one in each] for each in rows[10:]]
    tables = found(*rows[:10], *blocked)
    assert [one["direction"] for one in events(tables)] == ["block"]


@pytest.mark.parametrize("letter", [".", "x"])
def test_a_host_that_is_renamed_changes_nothing(letter: str) -> None:
    """The old name is tried no more, the new one from then on; both are open, or both have been blocked all along."""
    tables = found(path(letter * 20), path(letter * 20, first=20, target="web/renamed.example"))
    assert events(tables) == []
    assert tables["event_members"].num_rows == 0
    states = {"ok"} if letter == "." else {"blocked"}
    assert {one["state"] for one in tables["findings"].to_pylist() if one["network"]} == states


def test_addresses_and_ports_are_no_part_of_a_series() -> None:
    """Mechanisms, settled or not, differ from day to day: it is one block."""
    kinds = ("tls.reset.sni", "dns.nxdomain", "tcp.timeout")
    rows = [path("x", first=20 + day, mechanism=kinds[day % 3]) for day in range(12)]
    tables = found(path(OPEN), *rows, path(OPEN, first=32))
    assert [one["direction"] for one in events(tables)] == ["block", "unblock"]
    assert own(tables)[0]["mechanism"] in kinds


def test_a_broken_probe_is_set_aside_and_noted() -> None:
    sites = [f"web/site{n}.example" for n in range(12)]
    crowd = [path("." * 30, target=t, tries=3) for t in sites]
    broken = [path("x" * 3, first=15, tries=1, crew=1, target=t, tag="broken", platform="linux", network_type="vpn",
                   mechanism="dns.timeout") for t in sites]  # fmt: skip
    tables = found(*crowd, *broken)
    assert events(tables) == []
    assert {one["state"] for one in tables["findings"].to_pylist()} == {"ok"}
    assert {(one["k"], one["n"]) for one in findings(tables, network=64500)} == {(0, 90)}
    (note,) = notes(tables)
    assert (note["kind"], note["network"], note["first"], note["last"]) == (
        "broken_probe", 64500, tried.iso(15), tried.iso(17),
    )  # fmt: skip
    assert note["members"] == 3


@pytest.mark.parametrize("days", [1, 2, 5, 15])
def test_a_block_of_everything_is_no_crowd_of_broken_probes(days: int) -> None:
    """All that anyone tries fails for everyone for some days: who fails like all others is not at fault."""
    sites = [f"web/site{n}.example" for n in range(12)]
    everyone = [path(f"{OPEN}{'x' * days}{OPEN}", target=t, network=n) for t in sites for n in (64500, 64501)]
    tables = found(*everyone)
    assert notes(tables, "broken_probe") == []
    if days > 1:  # a single day may be anyone's bad day
        assert [one["direction"] for one in events(tables)] == ["block", "unblock"]
        assert events(tables)[0]["members"] == 24


@pytest.mark.parametrize(("crew", "tries"), [(1, 24), (2, 24), (2, 48), (1, 96)])
def test_who_tries_every_hour_is_not_overheard(crew: int, tries: int) -> None:
    """A station or two that measure round the clock: each hour weighs little, all of them say enough."""
    tables = found(path(f"{OPEN}{'x' * 10}{OPEN}", crew=crew, tries=tries))
    assert [one["direction"] for one in events(tables)] == ["block", "unblock"]
    assert holds(events(tables)[0], at(20))
    assert holds(events(tables)[1], at(30))


def test_one_target_tried_every_hour_is_no_broken_probe() -> None:
    form = FORMS["hours"]
    for crew in (2, 3, 5):
        assert notes(found(form.rows(crew=crew, tries=48)), "broken_probe") == []


def test_a_burst_is_set_aside_and_noted() -> None:
    crowd = path("." * 40)
    burst = [row for n in range(60) for row in path("x", first=20, tries=1, crew=1, tag=f"burst{n}-",
                                                    software=f"ooniprobe/9.{n}.0")]  # fmt: skip
    tables = found(crowd, burst)
    assert events(tables) == []
    assert [(one["state"], one["k"], one["n"]) for one in own(tables)] == [("ok", 0, 234)]
    (note,) = notes(tables)
    assert (note["kind"], note["first"], note["last"], note["members"]) == ("burst", tried.iso(20), tried.iso(20), 63)
