"""Law: records of BGP decode to what was written, and a broken one costs nothing but itself."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parent))
import bgp_worlds as worlds
import made_mrt as mrt

from clampdown.intake.containers_bytes import Fault, Place
from clampdown.intake.sources.bgp import SOURCE
from clampdown.intake.sources.bgp.events import UNKNOWN, Broken, Entry, Event, Peer, State, Still, Table, Update
from clampdown.intake.sources.bgp.live import Live
from clampdown.intake.sources.bgp.mrt import Decoder
from clampdown.intake.sources.bgp.replay import Tables

T = worlds.START
A, ASN = worlds.PEERS[0]


def events(data: bytes, *sizes: int) -> list[Event]:
    return list(Decoder(worlds.Reads(data, sizes or (1 << 20,))).events())


def live(*lines: str) -> list[Event]:
    return list(Live(worlds.Reads("\n".join(lines).encode()), Place("live.json", None)).events())


def replayed(data: bytes, *sizes: int) -> dict[Peer, dict[tuple[int, bytes], int]]:
    """The state after all events."""
    tables = Tables()
    for event in events(data, *sizes):
        match event:
            case Update():
                tables.change(event)
            case State():
                tables.turn(event)
            case Table():
                tables.begin(event)
            case Entry():
                tables.enter(event)
            case _:
                assert isinstance(event, Still), event
    out: dict[Peer, dict[tuple[int, bytes], int]] = {}
    for peer, number in tables.peers.items():
        out[peer] = {(family, key): o for family, own in tables.of.items() for key, o in own.table(number).items()}
    return out


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ((64501, 64510), 64510),
        ((64501, 4_200_000_010), 4_200_000_010),  # AS_TRANS and AS4_PATH where numbers have two bytes
        ((64501, (64510, 64511)), UNKNOWN),
        (((64510,), 64511), 64511),
        ((), ASN),  # the peer's own
        ((0,), UNKNOWN),
        ((64501,) * 100, 64501),  # an attribute with a long length
    ],
)
def test_the_origin_of_a_path(path: mrt.Path, origin: int, width: int) -> None:
    (event,) = events(mrt.told(T, A, ASN, mrt.update(["198.18.0.0/16"], [], path, width), width=width))
    assert isinstance(event, Update)
    assert event.origin == origin
    for long in (False, True):  # some routers write a long length always
        (_, entry) = events(mrt.peers(T, worlds.PEERS) + mrt.entry(T, "2001:db8::/32", [(0, path)], long=long))
        assert isinstance(entry, Entry)
        assert entry.origins == [origin]


def test_a_path_of_two_bytes_that_lost_its_end_is_of_no_network() -> None:
    sent = mrt.update(["198.18.0.0/16"], [], (64501, 64510), 2).replace(struct.pack(">H", 64510), b"\x5b\xa0")
    (event,) = events(mrt.told(T, A, ASN, sent, width=2))
    assert isinstance(event, Update)
    assert event.origin == UNKNOWN


def test_what_a_message_says() -> None:
    here, gone = ["198.18.0.0/22", "2001:db8:1::/48"], ["203.0.113.0/24", "2001:db8::/32", "0.0.0.0/0"]
    (event,) = events(mrt.told(T, A, ASN, mrt.update(here, gone, (64510,)), micro=123))
    assert event == Update(
        T * 1_000_000 + 123,
        Peer(A, ASN),
        64510,
        [mrt.key("203.0.113.0/24"), mrt.key("0.0.0.0/0")],
        [mrt.key("198.18.0.0/22")],
        [mrt.key("2001:db8::/32")],
        [mrt.key("2001:db8:1::/48")],
        (),
    )
    dirty = mrt.update(["198.18.0.0/22"], [], (64510,)).replace(b"\x16\xc6\x12\x00", b"\x16\xc6\x12\x03")
    (event,) = events(mrt.told(T, A, ASN, dirty))
    assert isinstance(event, Update)
    assert event.announced == [mrt.key("198.18.0.0/22")]  # bits beyond the length are no part of a prefix


def test_states_and_what_is_no_change() -> None:
    data = mrt.state(T, A, ASN, 6, 1, width=2) + mrt.state(T, *worlds.PEERS[1], 5, 6)
    data += mrt.told(T, A, ASN, mrt.message(4, b"")) + mrt.told(T, A, ASN, mrt.end_of_rib(4))
    data += mrt.told(T, A, ASN, mrt.end_of_rib(6))
    down, up, still, whole, whole6 = events(data)
    assert down == State(T * 1_000_000, Peer(A, ASN), up=False)
    assert up == State(T * 1_000_000, Peer(*worlds.PEERS[1]), up=True)
    assert still == Still(T * 1_000_000)
    assert isinstance(whole, Update)
    assert isinstance(whole6, Update)
    assert (whole.whole, whole6.whole) == ((4,), (6,))


@pytest.mark.parametrize("paths", [False, True])
def test_tables_of_all_kinds(paths: bool) -> None:
    rows = [(0, (64510,)), (2, (64511,))]
    data = mrt.peers(T, worlds.PEERS, b"a view")
    data += mrt.entry(T, "198.18.0.0/22", rows, paths=paths) + mrt.entry(T, "2001:db8::/32", rows[1:], paths=paths)
    table, four, six = events(data)
    peers = tuple(Peer(*p) for p in worlds.PEERS)
    assert table == Table(T * 1_000_000, peers)
    assert four == Entry(T * 1_000_000, 4, mrt.key("198.18.0.0/22"), peers, [0, 2], [64510, 64511])
    assert six == Entry(T * 1_000_000, 6, mrt.key("2001:db8::/32"), peers, [2], [64511])
    old = mrt.old_entry(T, "198.18.0.0/22", A, ASN, (ASN, 4_200_000_010))
    old += mrt.old_entry(T, "2001:db8::/32", "2001:db8:ffff::3", 64503, (64503, 64511))
    state = replayed(old)
    assert state[Peer(A, ASN)] == {(4, mrt.key("198.18.0.0/22")): 4_200_000_010}
    assert state[Peer("2001:db8:ffff::3", 64503)] == {(6, mrt.key("2001:db8::/32")): 64511}


GOOD = mrt.told(T, A, ASN, mrt.update(["198.18.0.0/16"], [], (64510,)))


def cut(sent: bytes, less: int) -> bytes:
    """A message whose own length is right, and whose content ends early."""
    body = sent[19:-less]
    return mrt.message(sent[18], body)


BROKEN = {
    "a peer of no known family": mrt.record(16, 4, mrt.heading(A, ASN).replace(b"\0\1", b"\0\7", 1) + bytes(30), T),
    "cut within the peer": mrt.record(16, 4, mrt.heading(A, ASN)[:15], T),
    "cut within the message": mrt.record(16, 4, mrt.heading(A, ASN) + mrt.update(["198.18.0.0/16"], [], (1,))[:-3], T),
    "a prefix too long": mrt.told(T, A, ASN, mrt.message(2, b"\0\2\x21\x01\0\0")),
    "a prefix cut off": mrt.told(T, A, ASN, cut(mrt.update(["198.18.0.0/16"], [], (64510,)), 1)),
    "attributes cut off": mrt.told(T, A, ASN, mrt.message(2, b"\0\0\0\x40\x40\1\1\0")),
    "an attribute cut off": mrt.told(T, A, ASN, mrt.message(2, b"\0\0\0\4\x40\1\5\0")),
    "no path": mrt.told(T, A, ASN, mrt.message(2, b"\0\0\0\4\x40\1\1\0\x10\xc6\x12")),
    "a path cut off": mrt.told(T, A, ASN, mrt.message(2, b"\0\0\0\x07\x40\2\4\2\2\0\0\x10\xc6\x12")),
    "a path of no kind": mrt.told(T, A, ASN, mrt.message(2, b"\0\0\0\x09\x40\2\6\x09\1\0\0\0\1\x10\xc6\x12")),
    "no microseconds": mrt.record(17, 4, b"\0\0", T),
    "an entry without its list": mrt.entry(T, "198.18.0.0/16", [(0, (1,))]),
    "a list cut off": mrt.record(13, 1, mrt.peers(T, worlds.PEERS)[12:-4], T),
    "an entry cut off": mrt.peers(T, worlds.PEERS)
    + mrt.record(13, 2, mrt.entry(T, "198.18.0.0/16", [(0, (1,))])[12:-2], T),
    "a state cut off": mrt.record(16, 5, mrt.heading(A, ASN) + b"\0\6", T),
    "an old entry cut off": mrt.record(12, 1, mrt.old_entry(T, "198.18.0.0/16", A, ASN, (1,))[12:-2], T),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_record_costs_itself(data: bytes) -> None:
    found = [e for e in events(GOOD + data + GOOD) if not isinstance(e, Table)]
    first, broken, last = found
    assert isinstance(first, Update)
    assert isinstance(last, Update)
    assert isinstance(broken, Broken)
    assert broken.reason == "damaged"
    assert broken.detail.startswith(f"record {broken.record}: ")
    assert broken.data
    assert not broken.ends
    (reject,) = [r for r in worlds.got(GOOD + data + GOOD).rejects if r.reason == "damaged"]
    assert (reject.line, reject.length) == (broken.record, len(broken.data))
    assert reject.digest


def test_a_list_that_is_broken_is_not_replaced_by_another() -> None:
    rows = mrt.entry(T, "198.18.0.0/16", [(0, (64510,))])
    found = events(mrt.peers(T, worlds.PEERS) + BROKEN["a list cut off"] + rows)
    assert [type(e) for e in found] == [Table, Broken, Broken]


def test_a_stream_that_breaks_off() -> None:
    whole, cut_off = events(GOOD + GOOD[:-5])
    assert isinstance(whole, Update)
    assert isinstance(cut_off, Broken)
    assert (cut_off.record, cut_off.reason, cut_off.ends) == (2, "truncated", True)
    _, told = Decoder(worlds.Reads(GOOD + b"\1\2", fault=Fault("truncated", "the gzip stream breaks off"))).events()
    assert isinstance(told, Broken)
    assert told.detail == "the gzip stream breaks off"
    first, lost = events(GOOD + b"neither MRT nor anything else\n" * 9)
    assert isinstance(first, Update)
    assert isinstance(lost, Broken)
    assert (lost.reason, lost.ends) == ("damaged", True)
    assert f"byte {len(GOOD)}" in lost.detail
    assert "270 bytes" in lost.detail


def test_what_is_not_read_is_told_once() -> None:
    strange = mrt.record(13, 6, bytes(9), T) + mrt.record(48, 0, bytes(9), T)
    paths = mrt.told(T, A, ASN, mrt.update(["198.18.0.0/16"], [], (1,)), subtype=9)
    got = worlds.got(GOOD + strange * 3 + paths + GOOD)
    told = sorted((r.line, r.detail) for r in got.rejects if r.reason == "unsupported")
    assert [line for line, _ in told] == [2, 3, 8]
    assert "3 of them" in (told[0][1] or "")
    # A peer whose updates are not read has no table that is known.
    assert State(T * 1_000_000, Peer(A, ASN), up=False) in events(GOOD + paths)


@settings(max_examples=60)
@given(worlds.steps(), st.lists(st.integers(1, 200), min_size=1, max_size=5), worlds.tables() | st.none())
def test_replay_equals_plain_dicts_wherever_reads_are_split(
    script: list[worlds.Step], sizes: list[int], table: dict[int, dict[str, mrt.Path]] | None
) -> None:
    time, data = T, b""
    model = worlds.Model()
    if table is not None:
        data = worlds.dumped(table, T)
        model = worlds.Model(
            {n: {p: worlds.origin(path, worlds.PEERS[n][1]) for p, path in own.items()} for n, own in table.items()}
        )
    for step in script:
        time += step.wait
        data += worlds.written(step, time)
        model.step(step)
    expected = {
        Peer(*worlds.PEERS[n]): {(mrt.family(p), mrt.key(p)): o for p, o in own.items()}
        for n, own in model.tables.items()
    }
    found = replayed(data, *sizes)
    assert {peer: own for peer, own in found.items() if own} == {peer: own for peer, own in expected.items() if own}
    assert events(data, *sizes) == events(data)


@settings(max_examples=200)
@given(st.binary(max_size=300), st.integers(0, 3))
def test_no_bytes_break_the_decoder(noise: bytes, kind: int) -> None:
    body = mrt.heading(A, ASN) + mrt.message(2, noise) if kind == 1 else noise
    record = mrt.record((13, 16, 17, 12)[kind], (2, 4, 4, 1)[kind], body, T)
    found = events(mrt.peers(T, worlds.PEERS) + record + GOOD)
    assert isinstance(found[-1], Update)


def line(kind: str, **fields: object) -> str:
    said = {"timestamp": T + 0.25, "peer": A, "peer_asn": str(ASN), "host": "rrc99", "type": kind} | fields
    return json.dumps({"type": "ris_message", "data": said})


def test_lines_of_ris_live() -> None:
    here = [{"next_hop": A, "prefixes": ["198.18.0.0/22", "198.18.2.0/23"]}, {"prefixes": ["2001:db8::/32"]}]
    found = live(
        line("UPDATE", path=[ASN, 64510], announcements=here, withdrawals=["203.0.113.0/24"]),
        line("UPDATE", path=[ASN, [64510, 64511]], announcements=here[1:]),
        line("RIS_PEER_STATE", state="down"),
        line("RIS_PEER_STATE", state="connected"),
        line("KEEPALIVE"),
        line("OPEN", direction="sent"),
        json.dumps({"type": "pong", "data": None}),
        json.dumps({"type": "ris_error", "data": {"message": "slow down"}}),
    )
    peer, time = Peer(A, ASN, "rrc99"), T * 1_000_000 + 250_000
    assert found[0] == Update(
        time,
        peer,
        64510,
        [mrt.key("203.0.113.0/24")],
        [mrt.key("198.18.0.0/22"), mrt.key("198.18.2.0/23")],
        [],
        [mrt.key("2001:db8::/32")],
        (),
    )
    assert isinstance(found[1], Update)
    assert found[1].origin == UNKNOWN
    assert found[2:7] == [State(time, peer, up=False), State(time, peer, up=True), *[Still(time)] * 2, Still(0)]
    assert isinstance(found[7], Broken)
    assert (found[7].record, found[7].reason) == (8, "source_error")
    assert "slow down" in found[7].detail


@pytest.mark.parametrize(
    "bad",
    [
        line("UPDATE")[:-1],
        line("UPDATE", peer=None),
        line("UPDATE", timestamp="yesterday"),
        line("UPDATE", timestamp=True),
        line("UPDATE", peer_asn="AS1"),
        line("UPDATE", announcements=[{"prefixes": ["198.18.0.0/22"]}]),
        line("UPDATE", path=[1], announcements=[{"prefixes": ["198.18.0.0/33"]}]),
        line("UPDATE", path=[1], announcements=["198.18.0.0/22"]),
        line("UPDATE", path=1),
        line("UPDATE", withdrawals=[7]),
        line("RIS_PEER_STATE", state="?"),
        '{"type": "ris_message", "data": 5}',
        "[1]",
    ],
)
def test_a_broken_line_costs_itself(bad: str) -> None:
    good = line("UPDATE", withdrawals=["203.0.113.0/24"])
    first, broken, last = live(good, bad, good)
    assert isinstance(first, Update)
    assert isinstance(last, Update)
    assert isinstance(broken, Broken)
    assert (broken.record, broken.ends) == (2, False)


def heads() -> Iterator[tuple[bytes, bool]]:
    table = worlds.dumped({0: {"198.18.0.0/16": (64510,)}}, T)
    yield GOOD, True
    yield GOOD + GOOD, True
    yield (GOOD * 2)[: len(GOOD) + 5], True
    yield table, True
    yield mrt.old_entry(T, "198.18.0.0/16", A, ASN, (1,)), True
    yield line("UPDATE").encode(), True
    yield b"\n" + line("KEEPALIVE").encode() + b"\n{", True
    yield b'{"type": "ris_error", "data": {"message": "x"}}', True
    yield b"", False
    yield b"\0" * 64, False
    yield GOOD + b"x" * 40, False
    yield b"time,entity,signal,value\n2024-01-01,IR,a,1\n", False
    yield b'{"type": "event", "data": []}', False
    yield b'{"test_name": "web_connectivity", "input": "\\"type\\": \\"ris_message\\""}', False
    yield b"\x1f\x8b\x08" + bytes(60), False


@pytest.mark.parametrize(("head", "taken"), list(heads()))
def test_sniff(head: bytes, taken: bool) -> None:
    assert SOURCE.sniff(head) is taken
