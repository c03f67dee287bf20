"""Law: the tables that the pages are tried on are made here, from a seed, in the exact schemas of the model."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from clampdown import assess
from clampdown.assess.names import Group, Names, Platform
from clampdown.assess.timeline import Detected
from clampdown.model import COVERAGE, FIRED, TABLES, VERDICTS, Terms

sys.path.insert(0, str(Path(__file__).parent))
import happenings

START = datetime(2026, 9, 1)
HOSTILE = (
    "</script><script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "-2+3",
    "\t=1",
    "\u202egnp.exe",
    '"><img src=x onerror=alert(1)>',
    "a\x00b\x1b[31m",
    "line\nbreak,comma;\"quote\"",
)  # fmt: skip


def table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=TABLES[name])


def verdict(number: int, **given: Any) -> dict[str, Any]:
    """One verdict row; everything not given is plain and plausible."""
    time = given.pop("time", START + timedelta(hours=number % 24))
    row: dict[str, Any] = dict.fromkeys(VERDICTS.names)
    row |= {
        "measurement": f"x{number:032x}",
        "target": "telegram/web",
        "time": time,
        "day": time.date().isoformat(),
        "hour": time.hour,
        "country": "XA",
        "network": 64500,
        "resolver_network": 64500,
        "test": "web_connectivity",
        "test_version": "0.5.28",
        "software": "ooniprobe-android/3.8",
        "platform": "android",
        "network_type": "wifi",
        "vantage": "c1",
        "vantage_kind": "credential",
        "state": "ok",
        "settled": False,
        "repeat": False,
    }
    return row | given


@pytest.fixture(name="verdict")
def _verdict() -> Callable[..., dict[str, Any]]:
    return verdict


@pytest.fixture(name="table")
def _table() -> Callable[..., pa.Table]:
    return table


@pytest.fixture
def hostile() -> tuple[str, ...]:
    return HOSTILE


def plat(name: str, label: str, group: str, all_of: tuple[str, ...] = (), any_of: tuple[str, ...] = ()) -> Platform:
    roles = {f"{name}/{role}": role for role in (*all_of, *any_of)}
    return Platform(
        id=name, label=label, groups=(group,), roles=roles,
        all_of=tuple(f"{name}/{r}" for r in all_of), any_of=tuple(f"{name}/{r}" for r in any_of),
    )  # fmt: skip


PLATFORMS = (
    plat("picnic", "Picnic", "social", ("web",)),
    plat("maidan", "میدان", "social", ("web",)),
    plat("murmur", "Murmur", "social", ("web",)),
    plat("agora", "Agora", "social", ("web",)),
    plat("reel", "Reel", "social", ("web",)),
    plat("telegram", "Telegram", "messaging", any_of=("app", "web")),
    plat("carrier", "Carrier Pigeon", "messaging", ("app",)),
    plat("whisper", "Whisper", "messaging", ("app",)),
    plat("semaphore", "Semaphore", "messaging", ("app",)),
)
GROUPS = {
    "social": "Social networks", "messaging": "Messengers", "news": "News media", "human_rights": "Human rights",
}  # fmt: skip
NETWORKS = {
    64500: "Xanadia Telecom", 64501: "Blue Mobile", 64502: "شرکت ارتباطات ماه", 64503: "University Network",
    64504: "Coastline Cable", 64505: "Hill Wireless", 64506: "Old Post Office", 64507: "Quick Fibre",
}  # fmt: skip


@pytest.fixture(scope="session")
def names() -> Names:
    return make_names()


def make_names() -> Names:
    targets = {t: f"{p.label} ({r})" if len(p.roles) > 1 else p.label for p in PLATFORMS for t, r in p.roles.items()}
    groups = {t: p.groups for p in PLATFORMS for t in p.roles}
    targets |= {f"web/{h}": h for h in ("news.example", "rights.example", "shop.example", "bank.example")}
    groups |= {"web/news.example": ("news",), "web/rights.example": ("human_rights",)}
    return Names(
        country="Xanadia", synthetic=True, platforms=PLATFORMS, targets=targets, target_groups=groups,
        groups=tuple(Group(id=i, label=label) for i, label in GROUPS.items()),
        networks={str(k): v for k, v in NETWORKS.items()},
    )  # fmt: skip


# target -> (state, mechanism, rule, first day of it, networks on which it holds)
SCRIPT: dict[str, tuple[str, str | None, str, int, tuple[int, ...]]] = {
    "picnic/web": ("blocked", "tls.reset.sni", "tls.reset", 0, tuple(range(64500, 64507))),
    "maidan/web": ("blocked", "dns.injection.blockpage", "dns.blockpage_address", 0, (64500, 64501, 64502, 64504)),
    "murmur/web": ("throttled", "tls.throttle.sni", "speed.slow", 20, (64500, 64501, 64505)),
    "reel/web": ("refused", "server.geofence", "http.geofence", 0, tuple(range(64500, 64508))),
    "telegram/app": ("blocked", "tcp.timeout", "tcp.timeout", 0, (64500, 64501, 64502)),
    "telegram/web": ("blocked", "tls.timeout.sni", "tls.timeout", 0, (64500, 64501, 64502, 64503, 64504)),
    "carrier/app": ("blocked", "dns.injection.bogon", "dns.bogon", 31, tuple(range(64500, 64508))),
    "web/news.example": ("blocked", "http.blockpage", "http.blockpage", 0, (64500, 64501, 64502, 64503)),
    "web/shop.example": ("down", None, "dns.gone", 0, tuple(range(64500, 64508))),
}
TARGETS = (
    "picnic/web", "maidan/web", "murmur/web", "agora/web", "reel/web", "telegram/app", "telegram/web", "carrier/app",
    "whisper/app", "web/news.example", "web/rights.example", "web/shop.example", "web/bank.example",
)  # fmt: skip
SILENT_DAY = 40


def make_world(seed: int = 7, days: int = 60) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Verdicts, fired rules and coverage of a country that does not exist, over eight networks."""
    dice = random.Random(seed)
    rows: list[dict[str, Any]] = []
    fired: list[dict[str, Any]] = []
    covered: dict[tuple[str, int, int], int] = {}
    weights = {64500: 9, 64501: 7, 64502: 6, 64503: 5, 64504: 4, 64505: 4, 64506: 2, 64507: 1}
    for day in range(days):
        if day == SILENT_DAY:
            continue
        for network, weight in weights.items():
            for target in TARGETS:
                if dice.random() > weight / 12:
                    continue
                point = dice.randrange(max(1, weight))
                time = START + timedelta(days=day, hours=dice.randrange(24), minutes=dice.randrange(60))
                state, mechanism, rule, settled = "ok", None, "tls.right_certificate", False
                script = SCRIPT.get(target)
                if script and network in script[4] and day >= script[3] and dice.random() < 0.95:
                    state, mechanism, rule = script[:3]
                    settled = state == "blocked" and "blockpage" in (mechanism or "")
                elif dice.random() < 0.02:
                    state, mechanism, rule = "unknown", None, "tcp.failed"
                elif dice.random() < 0.01:
                    state, mechanism, rule = "invalid", None, "record.clock"
                row = verdict(
                    len(rows), target=target, network=network, time=time, state=state, mechanism=mechanism,
                    rule=rule, settled=settled, vantage=f"c{network}-{point}",
                    platform=("android", "ios", "linux")[point % 3], software=f"probe/3.{point}",
                )  # fmt: skip
                rows.append(row)
                fired.append(
                    {
                        "measurement": row["measurement"],
                        "target": target,
                        "layer": rule.split(".")[0],
                        "seq": 0,
                        "rule": rule,
                        "verdict": state,
                        "mechanism": mechanism,
                        "won": True,
                        "decides": True,
                        "fingerprint": "xa_demo_blockpage" if settled else None,
                        "day": row["day"],
                    }
                )
                key = (row["day"], time.hour, network)
                covered[key] = covered.get(key, 0) + 1
    coverage = [
        {"day": d, "hour": h, "country": "XA", "network": n, "test": "web_connectivity", "n": count}
        for (d, h, n), count in sorted(covered.items())
    ]
    return (
        pa.Table.from_pylist(rows, schema=VERDICTS),
        pa.Table.from_pylist(fired, schema=FIRED),
        pa.Table.from_pylist(coverage, schema=COVERAGE),
    )


@pytest.fixture(scope="session")
def world() -> tuple[pa.Table, pa.Table, pa.Table]:
    return make_world()


def make_inputs() -> assess.Inputs:
    own = Terms("synthetic", "CC0-1.0", "yes", "Synthetic archive made by clampdown demo", "https://example.org/")
    return assess.Inputs(
        version="0.1.0", rules="a1" * 32, reference="b2" * 32,
        snapshots=tuple(
            assess.Snapshot(kind=kind, name=f"{kind}.toml", date="", digest="c3" * 32, licence="CC0-1.0")
            for kind in ("targets", "synthetic")
        ),
        sources=(assess.Source(files=12, measurements=5000, terms=own),),
        bodies=(assess.Bodies(first="2026-09-01", last="2026-10-30", references="b2" * 32),),
    )  # fmt: skip


@pytest.fixture(scope="session")
def inputs() -> assess.Inputs:
    return make_inputs()


@pytest.fixture(scope="session")
def answer(world: tuple[pa.Table, pa.Table, pa.Table], names: Names, inputs: assess.Inputs) -> assess.Answer:
    limits = assess.load_thresholds()
    return assess.build(*world, assess.Question(country="XA"), limits, names, inputs)


@pytest.fixture(scope="session")
def detected() -> Detected:
    return happenings.make_detected(*happenings.script_events())


@pytest.fixture(scope="session")
def eventful(
    world: tuple[pa.Table, pa.Table, pa.Table], names: Names, inputs: assess.Inputs, detected: Detected
) -> assess.Answer:
    """The answer with a timeline."""
    limits = assess.load_thresholds()
    return assess.build(*world, assess.Question(country="XA"), limits, names, inputs, detected)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser, which logs what a page asks for and what it complains of."""
    if find_spec("selenium") is None:
        pytest.skip("selenium is not installed: the tests that open the page cannot run")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()
