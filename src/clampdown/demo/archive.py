"""Law: the same size and seed give the same files, byte for byte, in the folders in which OONI publishes.

    raw/<YYYYMMDD>/<HH>/<CC>/<test>/<YYYYMMDDHH>_<CC>_<test>.n0.0.jsonl.gz

Every line is synthetic and says so in its annotations; all ids follow from what they name.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from clampdown.demo.envelope import Probe, line, record, short
from clampdown.demo.net import Effect, View
from clampdown.demo.nettests import NETTESTS
from clampdown.demo.script import Act, Network, Script, load_script
from clampdown.demo.visit import NEW, OLD, Visit
from clampdown.demo.world import World
from clampdown.errors import UsageError

Tell = Callable[[str, int, int], None]  # (what, done, of)
_SLOTS: Final = ((8, 0), (19, 20))  # hours (UTC) at which sessions of a day begin, give or take a quarter of an hour
_FORGED: Final = ("dns.bogon", "tls.reset", "tcp.timeout", "dns.nxdomain", "dns.notice", "")
_PLATFORMS: Final = (("android", "ooniprobe-android"), ("ios", "ooniprobe-ios"), ("linux", "ooniprobe-cli"))


@dataclass(frozen=True, slots=True)
class Size:
    """How much of the script is measured."""

    days: tuple[int, ...]  # empty: every day
    sessions: int  # per network and day
    forged: int  # records of the forger per day
    fine: int  # seconds from one value to the next of the finest signals


SIZES: Final = {
    # Days that show every act, the silence and the forger; the tests of all parts of the project read these.
    "small": Size((21, 35, 40, 44), 2, 40, 1800),
    "medium": Size((), 2, 60, 600),
}


@dataclass(frozen=True, slots=True)
class Written:
    """What an archive holds."""

    measurements: int
    files: int
    bytes: int  # unpacked


def make_archive(folder: Path, size: str = "small", tell: Tell = lambda *_: None) -> Written:
    """Write the archive of this size below the folder."""
    if size not in SIZES:
        raise UsageError(f"there is no size {size!r}", hint=f"One of: {', '.join(SIZES)}")
    made, wanted = Archive(load_script(), SIZES[size]), SIZES[size]
    days = wanted.days or tuple(range(1, made.script.days + 1))
    count = files = total = 0
    for number, day in enumerate(days):
        tell("archive", number, len(days))
        for name, rows in sorted(made.day(day).items()):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = b"".join(rows)
            path.write_bytes(gzip.compress(data, 6, mtime=0))
            count, files, total = count + len(rows), files + 1, total + len(data)
    tell("archive", len(days), len(days))
    return Written(count, files, total)


class Archive:
    """The measurements of the fictional country, day by day."""

    def __init__(self, script: Script, size: Size) -> None:
        self.script, self.size = script, size
        self.world = World(script)

    def day(self, day: int) -> dict[str, list[bytes]]:
        """Path of each file of a day -> its lines."""
        files: dict[str, list[bytes]] = {}
        if day in self.script.silent:
            return files
        for made in self._records(day):
            files.setdefault(path_of(made), []).append(line(made))
        return files

    def _records(self, day: int) -> Iterator[dict[str, Any]]:
        for network in self.script.networks:
            for slot in range(self.size.sessions):
                yield from self._session(network, day, slot)
        forger = self.script.forger
        if forger.first <= day <= forger.last:
            yield from self._forged(day)

    def _session(self, network: Network, day: int, slot: int) -> Iterator[dict[str, Any]]:
        """One run of the probe: every site, then every other test."""
        rng = random.Random(f"{network.asn} {day} {slot}")
        number = (day * self.size.sessions + slot + network.asn) % network.probes
        fault = self.script.faults.get((network.asn, number))
        probe = probe_of(network, number)
        view = self.world.view(network.asn, day, slot)
        view = self.world.faulty(view, fault) if fault else view
        hour, minute = _SLOTS[slot % len(_SLOTS)]
        date = self.script.date(day)
        start = datetime(date.year, date.month, date.day, hour, minute) + timedelta(seconds=rng.randrange(900))
        wrong = timedelta(days=-61) if fault == "clock" else None
        control, now = self.world.control(day), start
        order = list(self.script.places)
        rng.shuffle(order)
        for place in order:
            made = self._visit(probe, view, control, place.url, now, start, rng, wrong)
            now += timedelta(seconds=int(made["test_runtime"]) % 20 + rng.randrange(3, 9))
            yield made
        for test, (version, target, run) in NETTESTS.items():
            act = self.script.act(target, network.asn, day, slot) if target else None
            keys = run(view, act)
            yield _labelled(
                record(
                    probe, test, version, keys, time=now, session=now, given=None,
                    runtime=2.0 + rng.randrange(30), shown=now + wrong if wrong else None,
                )
            )  # fmt: skip
            now += timedelta(seconds=rng.randrange(20, 40))

    def _visit(
        self, probe: Probe, view: View, control: View, url: str, now: datetime, start: datetime, rng: random.Random,
        wrong: timedelta | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        version = OLD if probe.version.startswith("3.1") else NEW
        visit = Visit(view, control, url, version=version, jitter=rng.random)
        return _labelled(
            record(
                probe, "web_connectivity", version, visit.keys(), time=now, session=start, given=url,
                runtime=visit.runtime, shown=now + wrong if wrong else None,
            )
        )  # fmt: skip

    def _forged(self, day: int) -> Iterator[dict[str, Any]]:
        """Many made-up records of one session, each saying something else."""
        forger, rng = self.script.forger, random.Random(f"forger {day}")
        network = next(n for n in self.script.networks if n.asn == forger.network)
        place = next(p for p in self.script.places if p.target == forger.target)
        probe = Probe(
            network.asn, "", platform="linux", software="ooniprobe-cli", version="3.22.0", name="forger",
            network_type="wifi",
        )  # fmt: skip
        date = self.script.date(day)
        start = datetime(date.year, date.month, date.day, 13, 5)
        sound, control = self.world.view(network.asn, day), self.world.control(day)
        for number in range(self.size.forged):
            view = sound.through(*self._lie(_FORGED[number % len(_FORGED)], place.host))
            now = start + timedelta(seconds=20 * number)
            yield self._visit(probe, view, control, place.url, now, start, rng)

    def _lie(self, how: str, host: str) -> tuple[Effect, ...]:
        if not how:
            return ()
        act = Act((), frozenset(), 1, 1, how, "blocked", None)
        return self.world.effects(act, frozenset({host}))


def probe_of(network: Network, number: int) -> Probe:
    """A probe of a network: the last of each is old; the others carry a credential."""
    name = f"{network.asn}-{number}"
    platform, software = _PLATFORMS[(network.asn + number) % len(_PLATFORMS)]
    old = number == network.probes - 1
    seed = random.Random(name)
    return Probe(
        network.asn, "", platform=platform, software=software,
        version="3.10.1" if old else ("3.22.0", "3.23.0", "3.24.0")[number % 3],
        network_type=network.type, name=name, credential="" if old else f"{seed.getrandbits(256):064x}",
    )  # fmt: skip


def path_of(made: dict[str, Any]) -> str:
    """Where the collector's files of that hour lie."""
    uid, test = str(made["measurement_uid"]), short(str(made["test_name"]))
    day, hour = uid[:8], uid[8:10]
    country = made["probe_cc"]
    return f"raw/{day}/{hour}/{country}/{test}/{day}{hour}_{country}_{test}.n0.0.jsonl.gz"


def _labelled(made: dict[str, Any]) -> dict[str, Any]:
    made["annotations"]["synthetic"] = "clampdown demo: nobody measured this"
    return made
