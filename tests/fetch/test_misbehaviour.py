"""Law: whatever a service does, a person reads what happened, a scheduler reads the exit code, and the store is whole.

After each fault the same command, with the service well again, completes: nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from replay import archive, faults, tls
from replay.archive import Archive
from replay.bucket import Bucket
from replay.faults import Fault
from replay.proxies import Proxy
from replay.server import Replay

from clampdown.fetch.ledger import Ledger
from clampdown.pipeline import api

Say = Callable[..., tuple[int, str, str]]
LIST, OBJECT = "*list-type=2*", "*/XA/*.jsonl.gz"
SECRET = "s3cret-t0ken-of-a-person"
pytestmark = pytest.mark.usefixtures("hasty")


def words(base: str, *more: str) -> tuple[str, ...]:
    period = ("--since", "2020-10-20", "--until", "2020-10-22", "--option", "late=3")
    return ("fetch", "ooni", "XA", *period, "--from", base, "--workers", "1", "--no-judge", *more)


def whole(folder: Path, made: Archive, *, complete: bool) -> None:
    """The store opens, every part that it names reads, the folder of files holds what its ledger says, no secret."""
    if (folder / "clampdown.json").exists() or complete:
        store = api.open_store(folder)
        count = store.table("measurements").num_rows
        for name in ("observations", "rejects", "conflicts"):
            store.table(name)
        expected = len(made.measurements(made.keys("XA", ".jsonl.gz")))
        assert count == expected if complete else count <= expected
    ledger = Ledger(folder / "raw")
    assert ledger.torn == 0
    assert all(ledger.here(got.service, got.key) is not None for got in ledger.got.values())
    assert not list((folder / "raw").glob(".tmp-*"))
    for path in folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


@pytest.fixture(scope="module")
def busy() -> Archive:
    """A day with enough objects that each fault has one of its own."""
    hours = tuple(range(24))
    return archive.make(
        replace(
            archive.SMALL,
            first=archive.HOURLY.date(),
            days=1,
            hours=hours,
            tests=("telegram",),
            late=0,
            copies=0,
            postcans=999,
        )
    )


@pytest.fixture
def served(server: Replay, busy: Archive) -> Bucket:
    made = Bucket(busy.objects)
    server.mount("/", made)
    return made


# What passes: the run goes on by itself

PASSING = [
    faults.slow(30_000, times=1), faults.cut(times=1), faults.busy(times=1, after=1), faults.busy(times=1),
    faults.busy(times=1, after=1, dated=True), faults.storm(times=1), faults.broken(times=1), faults.empty(times=1),
    faults.mute(times=1), faults.other_content(times=1), faults.too_long(times=1), faults.false_encoding(times=1),
]  # fmt: skip


@pytest.mark.usefixtures("served")
def test_what_passes_is_waited_for(server: Replay, busy: Archive, say: Say, tmp_path: Path) -> None:
    """Each fault strikes one object once, and listings are struck too."""
    own = own_objects(busy, PASSING)
    hours = [f"*list-type=2*%2F20201020%2F{n:02}%2FXA*" for n in range(len(PASSING))]
    lists = [replace(one, where=where, struck=0) for one, where in zip(PASSING[1:8], hours, strict=False)]
    server.faults = [*own, *lists]
    code, _, err = say(*words(server.url, "--parallel", "12"))
    assert code == 0, err
    assert [one.name for one in server.faults if one.struck != 1] == []
    whole(tmp_path / "store", busy, complete=True)


def own_objects(made: Archive, wanted: list[Fault]) -> list[Fault]:
    """Each fault on an object of its own."""
    keys = [key for key in made.keys("XA", ".jsonl.gz") if key.startswith("raw/")]
    assert len(keys) >= len(wanted)
    return [replace(one, where=f"/{key}", struck=0, passed=0) for one, key in zip(wanted, keys, strict=False)]


# What costs one file: the others arrive, and the run says which are missing

FILES: list[tuple[str, Fault]] = [
    ("hardly any bytes came", faults.slow(200)),
    ("broke off in the middle, 2 times", faults.cut()),
    ("broke off in the middle", faults.too_long()),
    ("the service is in trouble (500), 2 times", faults.broken()),
    ("the service is in trouble (503), 2 times", faults.storm()),
    ("the service refuses (403)", faults.refused()),
    ("the service does not have it (404)", faults.refused(status=404)),
    ("and the listing says", faults.false_encoding()),
    ("the bytes are not those that the listing names", faults.no_gzip()),
    ("more bytes come than the listing says", faults.endless()),
    ("more bytes come than the listing says", faults.beyond()),
    ("the connection", faults.empty()),  # broken off, or closed without an answer
    ("did not answer in time", faults.mute()),
    ("it redirects in a circle", faults.elsewhere("?again")),
    ("the listing says", faults.portal()),
    ("the bytes are not those that the listing names", faults.other_content()),
]


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("half", [0, 1])
def test_what_costs_one_file(half: int, server: Replay, busy: Archive, say: Say, tmp_path: Path) -> None:
    some = FILES[half::2]
    server.faults = own_objects(busy, [fault for _, fault in some])
    for one in server.faults:
        one.where += "*"
    code, out, err = say(*words(server.url, "--parallel", "12", "--json"))
    assert code == 2
    assert "Traceback" not in err
    assert f"{len(some)} of " in err
    assert json.loads(out)["failed"] == len(some)
    for (said, _), fault in zip(some, server.faults, strict=True):
        told = next(line for line in err.splitlines() if fault.where[1:-1] in line)
        assert said in told, fault.name
    well = {path for path, count in server.counts("/XA/").items() if count and not _struck(server, path)}
    whole(tmp_path / "store", busy, complete=False)
    server.faults = []
    code, out, err = say(*words(server.url, "--json"))
    assert (code, json.loads(out)["brought"]) == (0, len(some)), err
    whole(tmp_path / "store", busy, complete=True)
    assert all(server.counts()[path] == 1 for path in well)  # what was had well is not asked for again


@pytest.mark.usefixtures("served")
def test_a_length_that_is_too_short(server: Replay, busy: Archive, say: Say, tmp_path: Path) -> None:
    """What is left over may stand before the next answer of the connection: that one is asked for again."""
    server.faults = own_objects(busy, [faults.too_short()])
    code, _, err = say(*words(server.url))
    assert code == 2
    assert "bytes came, and the listing says" in err
    whole(tmp_path / "store", busy, complete=False)
    server.faults = []
    assert say(*words(server.url))[0] == 0
    whole(tmp_path / "store", busy, complete=True)


def _struck(server: Replay, path: str) -> bool:
    return any(one.path == path and one.fault for one in server.log)


# What ends the run: everything else would meet the same

ENDS: list[tuple[str, str, Fault]] = [
    ("listing cut", "broke off in the middle, 2 times", faults.cut(LIST)),
    ("listing's length too short", "this is no listing of an object storage", faults.too_short(LIST)),
    ("429, an hour", "asks to be left alone for 4,000 s", faults.busy(OBJECT, after=4000)),
    ("429, an hour, dated", "asks to be left alone for", faults.busy(LIST, after=4000, dated=True)),
    ("429, nothing said", "too many requests from here (429), 2 times", faults.busy(OBJECT)),
    ("503, a storm", "the service is in trouble (503), 2 times", faults.storm(LIST)),
    ("500", "the service is in trouble (500), 2 times", faults.broken(LIST)),
    ("403", "the service refuses (403)", faults.refused(LIST)),
    ("another host", "elsewhere, to http://portal.example", faults.elsewhere("http://portal.example/x?k=v", OBJECT)),
    ("another host (listing)", "and we do not go", faults.elsewhere("//portal.example/", LIST)),
    ("another port", "it sends us elsewhere", faults.elsewhere("http://127.0.0.1:9/", OBJECT)),
    ("another scheme", "it sends us elsewhere", faults.elsewhere("file:///etc/passwd", OBJECT)),
    ("nowhere", "it sends us elsewhere, to nowhere", Fault("nowhere", OBJECT, status=302)),
    ("a circle", "it redirects in a circle", faults.elsewhere("?list-type=2", LIST)),
    ("gzip that is none", "says that it is packed, and is not", faults.false_encoding(LIST)),
    ("without end", "more bytes come than we take (16,777,216)", faults.endless(LIST)),
    ("no answer", "closed the connection without an answer", faults.empty(LIST)),
    ("never comes", "did not answer in time", faults.mute(LIST)),
    ("a portal's page", "this is no listing of an object storage", faults.portal(LIST)),
]


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(("said", "fault"), [case[1:] for case in ENDS], ids=[case[0] for case in ENDS])
def test_what_ends_the_run(
    said: str, fault: Fault, server: Replay, tiny: Archive, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setenv("CLAMPDOWN_RADAR_TOKEN", SECRET)
    server.faults = [replace(fault, struck=0)]
    code, out, err = say(*words(server.url))
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert "k=v" not in err
    assert SECRET not in err
    assert server.faults[0].struck
    whole(tmp_path / "store", tiny, complete=False)
    server.faults = []
    assert say(*words(server.url))[0] == 0
    whole(tmp_path / "store", tiny, complete=True)


# Listings that change while they are paged


@pytest.fixture
def paged(bucket: Bucket) -> Bucket:
    """One hour with more objects than a page holds."""
    bucket.most = 2
    body = bucket.read(next(key for key in bucket.listed() if key.startswith("raw/20201020/03/XA")))
    bucket.put({f"raw/20201020/03/XA/telegram/2020102003_XA_telegram.n{n}.0.jsonl.gz": body for n in range(5, 9)})
    return bucket


def planned(say: Say, server: Replay) -> int:
    code, out, err = say(*words(server.url, "--dry-run", "--json"))
    assert code == 0, err
    return int(json.loads(out)["files"])


def in_bucket(bucket: Bucket) -> set[str]:
    return {key for key in bucket.listed() if "/XA/" in key and key.endswith(".jsonl.gz")}


def test_keys_said_again_are_wanted_once(server: Replay, paged: Bucket, say: Say) -> None:
    paged.repeat = 2
    assert planned(say, server) == len(in_bucket(paged))


def test_a_token_that_is_refused(server: Replay, paged: Bucket, say: Say) -> None:
    """The listing goes on after the last key that it gave."""
    paged.refuse = 2
    assert planned(say, server) == len(in_bucket(paged))


def test_tokens_that_are_always_refused(server: Replay, paged: Bucket, say: Say) -> None:
    paged.refuse = 1000
    code, _, err = say(*words(server.url, "--dry-run"))
    assert code in (0, 2), err  # it may get by without tokens; it must not go on for ever
    assert server.counts(whole=False)["/"] < 1000


def test_an_object_that_appears_behind_is_found(server: Replay, paged: Bucket, say: Say) -> None:
    def appear(bucket: Bucket) -> None:
        key = "raw/20201020/03/XA/telegram/2020102003_XA_telegram.n9.1.jsonl.gz"
        bucket.put({key: b"new"})

    before = len(in_bucket(paged))
    paged.between = appear
    assert planned(say, server) == before + 1


def test_an_object_that_vanishes_is_said(
    server: Replay, paged: Bucket, say: Say, tiny: Archive, tmp_path: Path
) -> None:  # fmt: skip
    key = "raw/20201020/03/XA/telegram/2020102003_XA_telegram.n8.0.jsonl.gz"
    server.faults = [faults.refused(f"/{key}", status=404)]
    code, _, err = say(*words(server.url))
    assert code == 2
    assert "1 of" in err
    assert f"{key}: the service does not have it (404)" in err
    whole(tmp_path / "store", tiny, complete=True)  # the others are there
    paged.remove(key)
    assert say(*words(server.url))[0] == 0  # it is listed no more
    assert server.counts(whole=False)[f"/{key}"] == 1


def test_what_is_broken_in_the_archive_itself_is_a_reject(server: Replay, bucket: Bucket, say: Say) -> None:
    """Nothing is wrong with the way: the listing and the bytes agree. The reader says it, and --strict tells."""
    key = "raw/20201020/03/XA/telegram/2020102003_XA_telegram.n7.0.jsonl.gz"
    bucket.put({key: b"not packed, no record"})
    code, out, err = say(*words(server.url, "--strict", "--json"))
    assert (code, json.loads(out)["rejects"]) == (1, 1)
    assert "n7.0.jsonl.gz" in err
    assert say(*words(server.url))[0] == 0
    assert server.counts()[f"/{key}"] == 1


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("fault", [faults.mute(OBJECT), faults.slow(50, OBJECT), faults.mute(LIST)])
def test_an_interruption_ends_the_run(fault: Fault, server: Replay, tmp_path: Path) -> None:
    """Also while a service is silent, or speaks slowly: nobody waits until it is done (60 s, or for ever)."""
    server.faults = [replace(fault, struck=0)]
    argv = [sys.executable, "-m", "clampdown", *words(server.url, "--store", str(tmp_path / "store"))]
    child = subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    for _ in range(200):
        if server.faults[0].struck:
            break
        time.sleep(0.05)
    time.sleep(0.3)
    os.killpg(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert (child.returncode, b"Traceback" in err) == (130, False), err


# Certificates, proxies, secrets


@pytest.mark.parametrize("kind", tls.KINDS)
def test_certificates(kind: str, tiny: Archive, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, roots = tls.make(tmp_path / "tls", kind)
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))
    with Replay(context) as server:
        server.mount("/", Bucket(tiny.objects))
        code, _, err = say(*words(server.url))
        if kind == "good":
            assert code == 0, err
            whole(tmp_path / "store", tiny, complete=True)
            server.faults = [faults.elsewhere(server.url.replace("https:", "http:"), OBJECT)]
            code, _, err = say(*words(server.url, "--store", str(tmp_path / "other")))
            assert (code, "it sends us elsewhere, to http:" in err) == (2, True)
            return
        assert code == 2
        assert "the certificate of the service is not to be trusted" in err
        assert not server.log  # not one request went out
    whole(tmp_path / "store", tiny, complete=False)


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("said", ["flag", "environment"])
def test_proxies_are_used(
    kind: str, said: str, server: Replay, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    with Proxy(kind) as proxy:
        monkeypatch.setenv("http_proxy" if said == "environment" else "_", proxy.url)
        flag = ("--proxy", proxy.url) if said == "flag" else ()
        code, _, err = say(*words(server.url, "--dry-run", *flag))
        assert code == 0, err
        assert set(proxy.asked) == {f"127.0.0.1:{server.port}"}
        assert server.connections == len(proxy.asked)  # nothing went past it


@pytest.fixture
def closed() -> int:
    """A port at which nobody listens."""
    with Proxy() as proxy:
        return proxy.port


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("kind", "refuse", "said"),
    [("http", 407, "the proxy refuses"), ("http", 403, "refuses"), ("socks5", 2, "the proxy refuses")],
    ids=["407", "403", "socks"],
)  # fmt: skip
def test_proxies_that_refuse(kind: str, refuse: int, said: str, server: Replay, say: Say, tmp_path: Path) -> None:
    with Proxy(kind, refuse) as proxy:
        code, out, err = say(*words(server.url, "--proxy", proxy.url.replace("://", f"://reader:{SECRET}@")))
    assert (code, said in err) == (2, True), err
    assert SECRET not in out + err
    assert not server.log
    assert not [p for p in (tmp_path / "store").rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_proxy_that_is_not_there(scheme: str, server: Replay, closed: int, say: Say) -> None:
    code, _, err = say(*words(server.url, "--proxy", f"{scheme}://127.0.0.1:{closed}"))
    assert code == 2
    assert "no connection to the proxy" in err
    assert not server.log


@pytest.mark.usefixtures("bucket")
def test_a_secret_in_the_address_of_a_mirror_is_neither_stored_nor_said(
    server: Replay, tiny: Archive, say: Say, tmp_path: Path
) -> None:  # fmt: skip
    base = server.url.replace("://", f"://reader:{SECRET}@")
    server.faults = [faults.refused(OBJECT, 1)]
    code, out, err = say(*words(base))
    assert (code, "403" in err) == (2, True)
    assert SECRET not in out + err
    code, out, err = say(*words(base))
    assert code == 0
    assert SECRET not in out + err
    whole(tmp_path / "store", tiny, complete=True)
    code, _, err = say(*words(f"s3://reader:{SECRET}@host/bucket"))
    assert code == 2
    assert SECRET not in err
