"""Law: a job says what it asks for in words that mean something, and the file that `init` writes says what holds."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from clampdown.cli import group, jobs
from clampdown.cli.frame import run
from clampdown.cli.init import template
from clampdown.cli.settings import Settings, from_toml, resolve
from clampdown.errors import UsageError

SERVICES = {"ooni": ("layout", "late"), "ioda": (), "tor-metrics": ()}
WHOLE = b"""
store = "s"
[[job]]
source = "ooni"
country = "ir"
since = 2021-03-01
until = "2021-04-01T12:00:00Z"
tests = ["telegram", "Web_Connectivity"]
networks = ["AS64500", 64496]
options = { late = 3, layout = ["hourly", "daily"] }
from = "https://mirror.example/ooni"
[[job]]
source = "ioda"
since = "2021-03-01"
"""


def test_a_job_is_read() -> None:
    first, second = jobs.load(WHOLE, services=SERVICES)
    assert first == jobs.Job(
        "ooni", datetime(2021, 3, 1), datetime(2021, 4, 1, 12), "IR", (64496, 64500), ("telegram", "web_connectivity"),
        {"late": ("3",), "layout": ("hourly", "daily")}, "https://mirror.example/ooni",
    )  # fmt: skip
    assert second == jobs.Job("ioda", datetime(2021, 3, 1))
    assert (first.said, second.said) == ("ooni IR", "ioda")
    assert jobs.load(b"") == ()
    assert from_toml(WHOLE) == {"store": "s"}, "jobs are no settings"


@pytest.mark.parametrize(
    ("days", "since"), [("30 days", "2024-02-01"), ("1 day", "2024-03-01"), ("0 days", "2024-03-02")]
)
def test_days_before_the_run(days: str, since: str) -> None:
    text = f'[[job]]\nsource = "ooni"\nsince = "{days}"'.encode()
    (job,) = jobs.load(text, now=datetime(2024, 3, 2, 4, 30))
    assert job.since == datetime.fromisoformat(since)
    assert jobs.load(text)[0].since > datetime(2024, 3, 2)


@pytest.mark.parametrize(
    ("job", "says"),
    [
        ("since = 2021-03-01", "it says no source"),
        ('source = "ooni"', "it says no since"),
        ('source = "oni"\nsince = 2021-03-01', "Did you mean 'ooni'"),
        ('source = "ooni"\nsince = 2021-03-01\ncuontry = "IR"', "Did you mean 'country'"),
        ('source = "ooni"\nsince = 2021-03-01\noptions = { layuot = "cans" }', "Did you mean 'layout'"),
        ('source = "ioda"\nsince = 2021-03-01\noptions = { layout = "cans" }', "There are none"),
        ('source = "nothing"\nsince = 2021-03-01', "There are: ioda, ooni, tor-metrics"),
        ('source = "ooni"\nsince = "yesterday"', "not a time"),
        ('source = "ooni"\nsince = 5', "not a time"),
        ('source = "ooni"\nsince = 09:00:00', "'09:00:00' is not a time"),
        ("source = 5\nsince = 2021-03-01", "source must be text, and 5 is a number"),
        ('source = "ooni"\nsince = 2021-03-01\noptions = ["late"]', "options must be a table, and it is a list"),
        ('source = "ooni"\nsince = 2021-03-01\noptions = { late = 1979-05-27 }', "1979-05-27 is a date or a time"),
        ('source = "ooni"\nsince = 2021-03-01\nuntil = 2021-03-01', "the period is empty"),
        ('source = "ooni"\nsince = 2021-03-01\ncountry = "Iran"', "not a country code"),
        ('source = "ooni"\nsince = 2021-03-01\nnetworks = ["Telecom"]', "not a network"),
        ('source = "ooni"\nsince = 2021-03-01\ntests = [true]', "tests must be text, and true is no text"),
        ('source = ""\nsince = 2021-03-01', "source must be text, and it is empty"),
        ('source = "ooni"\nsince = 2021-03-01\noptions = "late"', "Write it as"),
    ],
)
def test_faults_are_said_with_their_place(job: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        jobs.load(
            f'[[job]]\nsource = "ioda"\nsince = 2021-01-01\n[[job]]\n{job}\n'.encode(), services=SERVICES, where="c"
        )
    assert says in str(caught.value)
    assert "c, job 2" in str(caught.value)


@pytest.mark.parametrize(("text", "says"), [(b"job = 5", "[[job]]"), (b"[job]\nx = 1", "[[job]]"), (b"x", "TOML")])
def test_what_is_no_list_of_jobs(text: bytes, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        jobs.load(text)


def test_jobs_misspelled_are_no_silence() -> None:
    with pytest.raises(UsageError, match="Did you mean 'job'"):
        from_toml(b"[[jobs]]\nsource = 'ooni'")


def test_init_writes_every_setting_with_its_default_and_nothing_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(group, ["init"]) == 0
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    written = Path("clampdown.toml").read_bytes()
    assert written == template()
    assert run(group, ["init"]) == 2
    assert "it is there already" in capsys.readouterr().err
    assert Path("clampdown.toml").read_bytes() == written
    assert run(group, ["init", "no/such/folder.toml"]) == 2
    assert "folder.toml: cannot be written" in capsys.readouterr().err
    assert resolve({}, {}, written).store == "store"


def test_what_init_writes_is_true() -> None:
    """With every # before a setting taken away the file still reads, and says the defaults, proxy and files apart."""
    text = re.sub(r"^# (?=(?:\w+ = |\[\[job\]\]))", "", template().decode(), flags=re.MULTILINE)
    said = resolve({}, {}, text.encode())
    given: dict[str, Any] = {"store": "store", "reference": "reference", "raw": "raw", "token_file": "token"}
    given |= {"proxy": "socks5h://127.0.0.1:9050", "mirror": "https://mirror.example"}
    for field in fields(Settings):
        assert re.search(rf"^(# )?{field.name} = ", template().decode(), re.MULTILINE), f"{field.name} is not in it"
        assert getattr(said, field.name) == given.get(field.name, field.default), field.name
    (job,) = jobs.load(text.encode(), services=SERVICES)
    assert (job.source, job.country, job.base) == ("ooni", "IR", "https://mirror.example/ooni")
