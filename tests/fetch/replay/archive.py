"""Law: the same seed and size give the same archive of OONI, object by object, and it is known what is in each.

All three layouts, in the names that `clampdown.fetch.services.ooni` cites. Records are those of the demo's generator,
built once and stamped with times, networks and ids; nobody measured them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import lz4.frame
import msgspec

from clampdown.demo.envelope import Probe, record, short
from clampdown.demo.nettests import NETTESTS
from clampdown.demo.script import load_script
from clampdown.demo.visit import NEW, Visit
from clampdown.demo.world import World as Fiction

Record = dict[str, Any]
HOURLY = datetime(2020, 10, 20)  # the first upload of the hourly layout
DAILY_UNTIL = datetime(2020, 10, 21)
CANNED_UNTIL = datetime(2020, 10, 22)
TESTS = ("telegram", "whatsapp", "signal", "tor", "vanilla_tor", "psiphon", "web_connectivity")
OTHERS = ("XB", "XC")


@dataclass(frozen=True)
class Size:
    """How much is made. Days are of uploads; `hours` are those of a day at which something arrives."""

    first: date
    days: int
    hours: tuple[int, ...]
    tests: tuple[str, ...]
    hosts: int  # collectors, each with files of its own
    postcans: int  # every so many hours have postcans beside their lines
    late: int  # measurements that arrive days later
    copies: int  # records that a second object holds as well


SMALL = Size(date(2020, 10, 18), 6, (3, 20), ("telegram", "signal", "web_connectivity"), 1, 2, 4, 3)
FULL = Size(date(2020, 10, 6), 31, tuple(range(24)), TESTS, 2, 12, 60, 40)
SIZES = {"small": SMALL, "full": FULL}


@dataclass(frozen=True)
class Known:
    """One measurement, and the objects that hold it."""

    uid: str  # of the hourly layout; "" before it
    test: str
    country: str
    time: datetime
    received: datetime
    network: int


@dataclass
class Archive:
    """What was made: objects by key, and what is in each."""

    country: str
    since: datetime
    until: datetime
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    held: dict[str, list[Known]] = field(default_factory=dict[str, list[Known]])  # key -> measurements
    answers: dict[str, bytes] = field(default_factory=dict[str, bytes])  # uid -> the line

    def keys(self, country: str | None = None, kind: str = "") -> list[str]:
        """Keys of objects of a country (cans of several reports are of none), of one kind of name."""
        return [
            key
            for key in sorted(self.objects)
            if key.endswith(kind) and (country is None or any(one.country == country for one in self.held[key]))
        ]

    def measurements(self, keys: Sequence[str] | None = None) -> set[tuple[str, str, datetime, int, datetime]]:
        """Everything that these objects (all) hold, each once."""
        return {
            (one.country, one.test, one.time, one.network, one.received if one.uid else one.time)
            for key in (self.objects if keys is None else keys)
            for one in self.held[key]
        }

    def write(self, folder: Path) -> dict[str, Path]:
        """The same on the disk."""
        made: dict[str, Path] = {}
        for key, body in self.objects.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            made[key] = path
        return made


def make(size: str | Size = "small", country: str = "XA", seed: int = 5, day: int = 30) -> Archive:
    """The archive of a country, with a few objects of others. `day` is the day of the demo's script whose censorship
    its records met."""
    wanted = SIZES[size] if isinstance(size, str) else size
    return _Maker(wanted, country, seed, day).run()


@cache
def _keys(day: int) -> tuple[tuple[str, str | None, int, bytes], ...]:
    """(test, input, network, encoded result) of records that are built once."""
    script = load_script()
    fiction = Fiction(script)
    found: list[tuple[str, str | None, int, bytes]] = []
    places = sorted(script.places, key=lambda place: place.size)[:3]
    for number, network in enumerate(script.networks):
        view = fiction.view(network.asn, day)
        for test, (_, target, run) in NETTESTS.items():
            act = script.act(target, network.asn, day, 0) if target else None
            found.append((test, None, network.asn, msgspec.json.encode(run(view, act))))
        place = places[number % len(places)]
        visit = Visit(view, fiction.control(day), place.url, version=NEW)
        found.append(("web_connectivity", place.url, network.asn, msgspec.json.encode(visit.keys())))
    return tuple(found)


def _version(test: str) -> str:
    return NEW if test == "web_connectivity" else NETTESTS[test][0]


class _Maker:
    def __init__(self, size: Size, country: str, seed: int, day: int) -> None:
        self.size, self.country = size, country
        self.dice = random.Random(f"{size} {country} {seed}")
        first = datetime.combine(size.first, datetime.min.time())
        self.made = Archive(country, first, first + timedelta(days=size.days))
        self.number = 0
        self.templates: dict[str, list[tuple[str | None, int, bytes]]] = {}
        for test, given, network, keys in _keys(day):
            self.templates.setdefault(test, []).append((given, network, keys))

    def run(self) -> Archive:
        for day in range(self.size.days):
            start = self.made.since + timedelta(days=day)
            if start < DAILY_UNTIL:
                self._daily(start)
            if start >= HOURLY:
                for hour in self.size.hours:
                    self._hour(start + timedelta(hours=hour))
        self._late()
        self._copies()
        self._strangers()
        return self.made

    # Records

    def _record(
        self, test: str, time: datetime, received: datetime, country: str, *, named: bool
    ) -> tuple[Record, Known]:
        self.number += 1
        given, network, keys = self.dice.choice(self.templates[test])
        probe = Probe(
            network, "", country, name=f"{network}-{self.dice.randrange(9)}", resolver_network=network,
            credential="",
        )  # fmt: skip
        session = time - timedelta(seconds=self.dice.randrange(120))
        made = record(
            probe,
            test,
            _version(test),
            msgspec.Raw(keys),
            time=time,
            session=session,
            given=given,
            runtime=3.0,
            received=received,
        )  # type: ignore[arg-type]
        made["annotations"]["synthetic"] = f"clampdown replay {self.number}: nobody measured this"
        digits = hashlib.sha256(f"{country} {self.number}".encode()).hexdigest()[:16]
        uid = f"{received:%Y%m%d%H%M%S}.{self.number:06}_{country}_{short(test)}_{digits}" if named else ""
        made["measurement_uid"] = uid
        if not named:
            del made["measurement_uid"]
        return made, Known(uid, test, country, time, received, network)

    def _several(self, test: str, hour: datetime, country: str, many: int) -> list[tuple[Record, Known]]:
        found: list[tuple[Record, Known]] = []
        for n in range(many):
            received = hour + timedelta(seconds=60 + 600 * n + self.dice.randrange(500))
            time = received - timedelta(seconds=10 + self.dice.randrange(40))
            found.append(self._record(test, time, received, country, named=True))
        return found

    # Objects

    def _put(self, key: str, body: bytes, known: list[Known]) -> None:
        self.made.objects[key] = body
        self.made.held[key] = known

    def _lines(self, key: str, records: Sequence[tuple[Record, Known]]) -> None:
        lines = [msgspec.json.encode(made) for made, _ in records]
        for line, (_, known) in zip(lines, records, strict=True):
            if known.uid:
                self.made.answers[known.uid] = line
        self._put(key, gzip.compress(b"".join(line + b"\n" for line in lines), 1, mtime=0), [k for _, k in records])

    def _hour(self, hour: datetime) -> None:
        for test in self.size.tests:
            for host in range(self.size.hosts):
                records = self._several(test, hour, self.country, self.dice.choice((1, 1, 1, 2, 3)))
                key = hourly_key(hour, self.country, test, host)
                lines = True
                if self.number % self.size.postcans == 0:
                    self._put(key + ".tar.gz", postcan(records), [known for _, known in records])
                    lines = self.dice.random() < 0.8  # some hours have a postcan only
                if lines:
                    self._lines(key + ".jsonl.gz", records)

    def _daily(self, day: datetime) -> None:
        """A day before the hourly layout: lines by test and country, and the cans that they were made from."""
        tarred: list[tuple[str, list[tuple[Record, Known]]]] = []
        for test in self.size.tests:
            records = [
                self._record(test, day + timedelta(seconds=self.dice.randrange(80_000)), day, self.country, named=False)
                for _ in range(2)
            ]
            name = f"{day:%Y%m%d}_{self.country}_{short(test)}.l.0.jsonl.gz"
            self._lines(f"jsonl/{short(test)}/{self.country}/{day:%Y%m%d}/00/{name}", records)
            if test == "web_connectivity":
                tarred.append((test, records))
            else:
                self._can(day, records)
        for test, records in tarred:
            other = self._record(test, day + timedelta(seconds=9), day, OTHERS[0], named=False)
            body = lz4.frame.compress(canned([*records, other]))
            self._put(f"canned/{day:%Y-%m-%d}/{test}.0.tar.lz4", body, [known for _, known in [*records, other]])

    def _can(self, day: datetime, records: Sequence[tuple[Record, Known]]) -> None:
        """One can per report, spaced as Python writes JSON: the same values as the lines, in other bytes."""
        for made, known in records:
            name = f"{made['measurement_start_time'].replace('-', '').replace(' ', 'T').replace(':', '')}Z"
            name += f"-{known.country}-AS{known.network}-{known.test}-{made['report_id']}-0.2.0-probe.json.lz4"
            self._put(f"canned/{day:%Y-%m-%d}/{name}", lz4.frame.compress(spaced(made) + b"\n"), [known])

    def _late(self) -> None:
        """Uploads of days later, alone in an hour of their own, some after the period."""
        for n in range(self.size.late):
            time = self.made.until - timedelta(hours=2 + self.dice.randrange(24 * 3), minutes=n % 50)
            hour = (time + timedelta(days=1 + n % 6, hours=n % 7)).replace(minute=0)
            received = hour + timedelta(minutes=5)
            found = self._record("telegram", time, received, self.country, named=True)
            self._lines(f"{hourly_key(hour, self.country, 'telegram', 4, n)}.jsonl.gz", [found])

    def _copies(self) -> None:
        """A second object that holds a record again, byte by byte."""
        keys = [key for key in self.made.objects if key.startswith("raw/") and key.endswith(".n0.0.jsonl.gz")]
        for key in self.dice.sample(sorted(keys), min(self.size.copies, len(keys))):
            self._put(key.replace(".n0.0.", ".n9.0."), self.made.objects[key], self.made.held[key])

    def _strangers(self) -> None:
        """What was not asked for: other countries."""
        for day in range(self.size.days):
            start = self.made.since + timedelta(days=day)
            for country in OTHERS:
                if start >= HOURLY:
                    records = self._several("telegram", start, country, 1)
                    self._lines(f"{hourly_key(start, country, 'telegram', 0)}.jsonl.gz", records)
                if start < DAILY_UNTIL:
                    found = self._record("signal", start + timedelta(hours=1), start, country, named=False)
                    name = f"{start:%Y%m%d}_{country}_signal.l.0.jsonl.gz"
                    self._lines(f"jsonl/signal/{country}/{start:%Y%m%d}/00/{name}", [found])
                    self._can(start, [found])


def hourly_key(hour: datetime, country: str, test: str, host: int, part: int = 0) -> str:
    """Where an hour's uploads lie, without the ending."""
    return f"raw/{hour:%Y%m%d}/{hour:%H}/{country}/{short(test)}/{hour:%Y%m%d%H}_{country}_{short(test)}.n{host}.{part}"


def posted(made: Record) -> bytes:
    """A record as the probe sent it: in its envelope, before the collector gave it an id."""
    content = {key: value for key, value in made.items() if key not in ("measurement_uid", "is_verified", "probe_id")}
    return b'{"format":"json","content":' + spaced(content) + b"}"


def spaced(made: Record) -> bytes:
    """The same values, written otherwise."""
    return json.dumps(msgspec.json.decode(msgspec.json.encode(made))).encode()


def postcan(records: Sequence[tuple[Record, Known]]) -> bytes:
    """A packed tar of posts, each named by its id."""
    return gzip.compress(_tar((f"{known.uid}.post", posted(made)) for made, known in records), 1, mtime=0)


def canned(records: Sequence[tuple[Record, Known]]) -> bytes:
    """A tar of reports."""
    return _tar(
        (f"{made['report_id']}-{known.country}-AS{known.network}-{known.test}-0.2.0-probe.json", spaced(made) + b"\n")
        for made, known in records
    )  # fmt: skip


def _tar(members: Iterator[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, body in members:
            about = tarfile.TarInfo(name)
            about.size = len(body)
            tar.addfile(about, io.BytesIO(body))
    return out.getvalue()
