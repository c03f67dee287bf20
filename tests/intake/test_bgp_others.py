"""Law: what two decoders that are not ours read in a file, ours reads: every prefix, every origin, every state.

mrtparse is a library of the development set; Debian's bgpdump is a program that may be there. Both read the files
that these tests write, and the real files of the material where they lie.
"""

from __future__ import annotations

import gzip
import ipaddress
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
import bgp_worlds as worlds
import made_mrt as mrt

from clampdown.intake.containers_bytes import Place
from clampdown.intake.sources.bgp import SOURCE
from clampdown.intake.sources.bgp.events import UNKNOWN, Broken, Entry, Event, State, Table, Update
from clampdown.intake.sources.bgp.limits import shipped
from clampdown.intake.sources.bgp.live import Live
from clampdown.intake.sources.bgp.mrt import Decoder

# (time, peer's address, peer, prefix, origin), origin None for a withdrawal; states are ("state", up) in their place.
Said = tuple[int, str, int, Any, Any]
State_ = dict[tuple[str, int], dict[str, int]]
NO_BGPDUMP = "bgpdump is not installed: the comparison with it cannot run"
REAL = ("libbgpstream_ris.rrc06.updates.1427846400.gz", "mrtparse_quagga_bgp")


def text(prefix: bytes, version: int) -> str:
    size = 4 if version == 4 else 16
    return f"{ipaddress.ip_address(prefix[1:].ljust(size, bytes(1)))}/{prefix[0]}"


def ours(data: bytes) -> list[Said]:
    out: list[Said] = []
    for event in Decoder(worlds.Reads(data, (977,))).events():
        out += _said(event)
    return out


def _said(event: Event) -> list[Said]:
    assert not isinstance(event, Broken), event
    if isinstance(event, Entry):
        prefix = text(event.prefix, event.family)
        rows = zip((event.table[at] for at in event.peers), event.origins, strict=True)
        return [(event.time // 10**6, peer.address, peer.asn, prefix, origin) for peer, origin in rows]
    if not isinstance(event, Update | State) or isinstance(event, Table):
        return []
    head = (event.time // 10**6, event.peer.address, event.peer.asn)
    if isinstance(event, State):
        return [(*head, "state", event.up)]
    gone = [(*head, text(p, 4), None) for p in event.withdrawn] + [(*head, text(p, 6), None) for p in event.withdrawn6]
    here = [(*head, text(p, 4), event.origin) for p in event.announced]
    return gone + here + [(*head, text(p, 6), event.origin) for p in event.announced6]


def mrtparse_says(path: Path) -> list[Said]:
    # The library sets the process's handler of SIGPIPE when it is imported.
    before = signal.getsignal(signal.SIGPIPE)
    import mrtparse

    signal.signal(signal.SIGPIPE, before)
    out: list[Said] = []
    index: list[Any] = []
    with path.open("rb") as file:
        for found in mrtparse.Reader(file):
            assert not found.err, found.err_msg
            data = found.data
            kind = next(iter(data["type"]))
            time = next(iter(data["timestamp"]))
            if kind in (16, 17):
                out += _message(time, data)
            elif "peer_entries" in data:
                index = data["peer_entries"]
            else:
                prefix = f"{ipaddress.ip_address(data['prefix'])}/{data['length']}"
                for row in data["rib_entries"]:
                    peer = index[row["peer_index"]]
                    origin = _origin(row["path_attributes"], int(peer["peer_as"]))
                    out.append((time, peer["peer_ip"], int(peer["peer_as"]), prefix, origin))
    return out


def _message(time: int, data: Any) -> list[Said]:
    head = (time, data["peer_ip"], int(data["peer_as"]))
    if "new_state" in data:
        return [(*head, "state", 6 in data["new_state"])]
    message = data["bgp_message"]
    if 2 not in message["type"]:
        return []
    attributes = {next(iter(a["type"])): a["value"] for a in message["path_attributes"]}
    for kind in (14, 15):  # of prefixes that no one routes by themselves (SAFI 128, VPNs) nobody speaks here
        if kind in attributes and 1 not in attributes[kind]["safi"]:
            del attributes[kind]
    gone = message["withdrawn_routes"] + attributes.get(15, {}).get("withdrawn_routes", [])
    here = message["nlri"] + attributes.get(14, {}).get("nlri", [])
    origin = _origin(message["path_attributes"], head[2]) if here else None
    rows = [(n, None) for n in gone] + [(n, origin) for n in here]
    return [(*head, f"{ipaddress.ip_address(n['prefix'])}/{n['length']}", o) for n, o in rows]


def _origin(attributes: list[Any], peer: int) -> int:
    values = {next(iter(a["type"])): a["value"] for a in attributes}
    segments = [s for s in values.get(17, values[2]) if s["length"]]
    if not segments:
        return peer
    return int(segments[-1]["value"][-1]) if 2 in segments[-1]["type"] else UNKNOWN


def bgpdump_says(path: Path) -> list[Said]:
    program = shutil.which("bgpdump")
    if program is None:
        pytest.skip(NO_BGPDUMP)
    done = subprocess.run([program, "-m", str(path)], capture_output=True, text=True, check=True)
    out: list[Said] = []
    for line in done.stdout.splitlines():
        cells = line.split("|")
        head = (int(cells[1].partition(".")[0]), str(ipaddress.ip_address(cells[3])), int(cells[4]))
        if cells[2] == "STATE":
            out.append((*head, "state", cells[6] == "6"))
        elif cells[2] == "W":
            out.append((*head, str(ipaddress.ip_network(cells[5])), None))
        else:
            last = (cells[6].split() or [cells[4]])[-1]
            out.append((*head, str(ipaddress.ip_network(cells[5])), UNKNOWN if "{" in last else int(last)))
    return out


def state(said: list[Said]) -> State_:
    """Tables after all that was said, in its order."""
    out: State_ = {}
    for _, address, asn, prefix, origin in said:
        own = out.setdefault((address, asn), {})
        if prefix == "state":
            own.clear()
        elif origin is None:
            own.pop(prefix, None)
        else:
            own[prefix] = origin
    return {peer: own for peer, own in out.items() if own}


def same(path: Path, data: bytes, says: Any) -> list[Said]:
    mine, theirs = ours(data), says(path)
    assert Counter(mine) == Counter(theirs)
    assert state(mine) == state(theirs)
    return mine


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table and a day's worth of changes of all kinds, from a seed."""
    draw = random.Random(26)
    paths = [p for p in worlds.PATHS if p]  # of an empty path bgpdump prints no network
    pool = worlds.FOUR + worlds.SIX
    table = {n: {p: draw.choice(paths) for p in pool if draw.random() < 0.7} for n in range(len(worlds.PEERS))}
    time, data = worlds.START, worlds.dumped(table, worlds.START)
    for _ in range(400):
        time += draw.randrange(20)
        peer = draw.randrange(len(worlds.PEERS))
        if draw.random() < 0.05:
            data += worlds.written(worlds.Step(draw.choice(("down", "up")), peer), time)
            continue
        here, gone = draw.sample(pool, draw.randrange(1, 5)), draw.sample(pool, draw.randrange(3))
        left = tuple(p for p in gone if p not in here)
        # bgpdump keeps the number that stands for a longer one: two bytes are left to mrtparse and the tables of cases.
        step = worlds.Step("tell", peer, announced=tuple(here), withdrawn=left, path=draw.choice(paths))
        data += worlds.written(step, time)
    path = tmp_path_factory.mktemp("bgp") / "made.mrt"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("says", [mrtparse_says, bgpdump_says])
def test_a_file_of_our_own(made: Path, says: Any) -> None:
    assert len(same(made, made.read_bytes(), says)) > 1000


def test_two_bytes_as_mrtparse_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "two.mrt"
    steps = [worlds.Step("tell", 0, announced=worlds.FOUR, path=p, width=2) for p in worlds.PATHS]
    path.write_bytes(b"".join(worlds.written(step, worlds.START + n) for n, step in enumerate(steps)))
    same(path, path.read_bytes(), mrtparse_says)


@pytest.mark.shared
@pytest.mark.parametrize("says", [mrtparse_says, bgpdump_says])
@pytest.mark.parametrize("name", REAL)
def test_files_of_collectors(shared: Path, tmp_path: Path, name: str, says: Any) -> None:
    data = (shared / "cases/bgp" / name).read_bytes()
    data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    assert SOURCE.sniff(data[: 1 << 16])
    path = tmp_path / "plain.mrt"
    path.write_bytes(data)
    said = same(path, data, says)
    withdrawn = sum(row[4] is None for row in said)
    assert (len(said), withdrawn) == {REAL[0]: (1561, 122), REAL[1]: (len(said), 0)}[name]
    found = worlds.got(data, shipped())
    assert found.reasons() == ["no_table", "no_countries"]
    assert {signal for _, signal in found.levels} <= {"bgp/announced", "bgp/withdrawn"}


@pytest.mark.shared
def test_lines_of_ris_live_of_all_kinds(shared: Path) -> None:
    data = (shared / "cases/bgp/libbgpstream_ris-live-stream.json").read_bytes()
    assert SOURCE.sniff(data)
    reader = Live(worlds.Reads(data), Place("live.json", None))
    found = list(reader.events())
    update, down, error, *_, broken = found
    assert isinstance(update, Update)
    assert (update.announced, update.origin) == ([mrt.key("45.161.192.0/23")], 268481)
    assert isinstance(down, State)
    assert not down.up
    assert isinstance(error, Broken)
    assert "this is a test error message" in error.detail
    assert isinstance(broken, Broken)
    assert (broken.record, broken.reason) == (7, "not_json")
    assert reader.seen == {"update": 1, "state": 1, "other": 3}
