"""Law: the tests of fetching talk to servers of their own on loopback, and the network beyond is never touched."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

FOLDER = str(Path(__file__).resolve().parent)
if FOLDER not in sys.path:
    sys.path.append(FOLDER)

from replay import archive  # noqa: E402
from replay.archive import Archive  # noqa: E402
from replay.bucket import Bucket  # noqa: E402
from replay.server import Replay  # noqa: E402

from clampdown.cli import group, run  # noqa: E402
from clampdown.fetch import manners  # noqa: E402

TINY = replace(
    archive.SMALL, first=date(2020, 10, 20), days=2, hours=(3, 20), tests=("telegram",), late=1, copies=1, postcans=99
)
Say = Callable[..., tuple[int, str, str]]
# Everything that leads out of here, or that a machine may have set for its own use.
_OUTSIDE = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "CLAMPDOWN_PROXY")


@pytest.fixture(scope="session")
def tiny() -> Archive:
    """Two days of one test: a handful of objects."""
    return archive.make(TINY)


@pytest.fixture(scope="session")
def small() -> Archive:
    """Six days, three tests, all layouts."""
    return archive.make("small")


@pytest.fixture
def server() -> Iterator[Replay]:
    with Replay() as made:
        yield made


@pytest.fixture
def bucket(server: Replay, tiny: Archive) -> Bucket:
    """The tiny archive, served."""
    made = Bucket(tiny.objects)
    server.mount("/", made)
    return made


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Manners without patience: two tries, and no pause that a person would notice."""
    quick = partial(manners.Manners, tries=2, first_wait=0.01, connect=2, stall=1, answer=2)
    monkeypatch.setattr(manners, "Manners", quick)


@pytest.fixture
def fetches(
    tmp_path: Path, server: Replay, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Say:  # fmt: skip
    """Runs `clampdown fetch` with these words, against a mirror of all services, the server of this test.

    Between two requests it pauses, but for less than a service would want: that is for guests, and this is home."""
    polite = manners.Manners

    def at_home(**given: Any) -> manners.Manners:
        return polite(**given | {"pause": min(given.get("pause", 0.0), 0.002)})

    monkeypatch.setattr(manners, "Manners", at_home)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAMPDOWN_STORE", "store")
    monkeypatch.setenv("CLAMPDOWN_MIRROR", server.url)

    def speak(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(group, ["fetch", *words])
        out, err = capfd.readouterr()
        return code, out, err

    return speak


@pytest.fixture
def say(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Say:
    """Runs the program's words here, against the store of this test."""
    for name in _OUTSIDE:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAMPDOWN_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "400")

    def run_(*words: str) -> tuple[int, str, str]:
        code = run(group, list(words))
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return run_
