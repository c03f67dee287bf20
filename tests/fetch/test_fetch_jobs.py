"""Law: all jobs are checked before the first is asked; each fails by itself, in one document and one time for all."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from replay.server import Asked, Replay, Reply, document

from clampdown.fetch import manners

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "schema"
TOKEN = "t0ken-that-nobody-sees"
PERIOD = "since = 2022-09-01\nuntil = 2022-09-03"
GOOGLE = f'source = "google"\ncountry = "IR"\n{PERIOD}\noptions = {{ product = "search" }}'
RADAR = f'source = "radar"\ncountry = "IR"\n{PERIOD}'
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server() -> Iterator[Replay]:
    with Replay() as made:
        made.mount("/google/", google)
        yield made


@pytest.fixture
def say(fetches: Say, monkeypatch: pytest.MonkeyPatch) -> Say:
    monkeypatch.setenv("CLAMPDOWN_WORKERS", "1")
    for name in ("CLAMPDOWN_RADAR_TOKEN", "CLOUDFLARE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    polite = manners.Manners
    monkeypatch.setattr(
        manners, "Manners", lambda **more: polite(**(more | {"pause": 0, "tries": 2, "first_wait": 0.01}))
    )

    return lambda *words: fetches(*words, "--no-judge")


def google(asked: Asked) -> Reply:
    start = int(asked.query["start"])
    points = ",".join(f"[{start + n * 1_800_000},[[1,{10 + n}.5]]]" for n in range(48))
    return document(f')]}}\'\n\n[["traffic.fraction",[{points}]]]'.encode(), kind="application/json")


def write(*jobs: str, settings: str = "") -> None:
    Path("clampdown.toml").write_text(settings + "".join(f"\n[[job]]\n{one}\n" for one in jobs))


def checked(name: str, text: str) -> dict[str, Any]:
    found = json.loads(text)
    Draft202012Validator(json.loads((SCHEMA / f"{name}.json").read_text())).validate(found)
    return found


def test_all_jobs_are_one_document(say: Say, server: Replay) -> None:
    write(GOOGLE, GOOGLE.replace('"IR"', '"KE"'))
    code, out, err = say("jobs", "--json")
    assert code == 0, err
    found = checked("fetch-jobs", out)["jobs"]
    assert [(one["job"], one["country"], one["exit"], one["error"]) for one in found] == [
        (1, "IR", 0, None),
        (2, "KE", 0, None),
    ]
    assert all(one["fetch"]["brought"] and one["plan"]["service"] == "google" for one in found)
    code, out, _ = say("jobs", "--dry-run", "--json")
    assert [one["plan"]["here"] for one in checked("fetch-jobs", out)["jobs"]] == [
        one["fetch"]["brought"] for one in found
    ]
    code, out, _ = say("jobs")
    assert [line for line in out.splitlines() if line.startswith("job")] == [
        "job           1 google IR",
        "job           2 google KE",
    ]


def test_one_question_is_one_object(say: Say) -> None:
    question = ("google", "IR", "--since", "2022-09-01", "--until", "2022-09-03", "--option", "product=search")
    for more in ((), ("--dry-run",)):
        code, out, err = say(*question, "--json", *more)
        assert code == 0, err
        checked("-".join(("fetch", *(one.strip("-") for one in more))), out)


@pytest.mark.parametrize("wrong", ["nofile", ".", "two words", "\x1b[31m"])
def test_a_token_that_cannot_be_read_is_the_fault_of_one_job(say: Say, wrong: str) -> None:
    if " " in wrong or "[" in wrong:
        Path("token").write_text(wrong)
        wrong = "token"
    write(RADAR, GOOGLE, RADAR, settings=f'token_file = "{wrong}"\n')
    code, out, err = say("jobs", "--json")
    assert code == 2
    assert [one["exit"] for one in checked("fetch-jobs", out)["jobs"]] == [2, 0, 2]
    for number in (1, 3):
        assert f"job {number}, {wrong}: the file" in err
    assert "It is one line, with nothing but the token" in err


def test_a_token_is_only_read_for_a_service_that_needs_one(say: Say) -> None:
    question = ("google", "IR", "--since", "2022-09-01", "--until", "2022-09-03", "--option", "product=search")
    code, _, err = say(*question, "--token-file", "nofile")
    assert code == 0, err


@pytest.mark.parametrize("wrong", ["x\ny", "two words", "\x1b[31m", "tökén"])
def test_a_variable_without_a_token(say: Say, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("CLAMPDOWN_RADAR_TOKEN", wrong)
    code, _, err = say("radar", "IR", "--since", "2022-09-01", "--until", "2022-09-03")
    assert (code, "CLAMPDOWN_RADAR_TOKEN: the variable holds no token" in err) == (2, True)
    assert wrong not in err


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
@pytest.mark.parametrize(("mode", "told"), [(0o644, 1), (0o640, 1), (0o600, 0), (0o400, 0)])
def test_a_token_that_others_can_read(say: Say, server: Replay, mode: int, told: int) -> None:
    """It is said once, and the token is taken."""
    server.mount("/radar/", lambda _: document(b"{}", kind="application/json"))
    file = Path("my token")
    file.write_text(f"{TOKEN}\n")
    file.chmod(mode)
    write(RADAR, RADAR, settings='token_file = "my token"\n')
    _, _, err = say("jobs")
    assert err.count("others on this machine can read the token: chmod 600 'my token'") == told
    assert {one.secret for one in server.log} == {f"Bearer {TOKEN}"}
    assert TOKEN not in err


@pytest.mark.parametrize(
    ("wrong", "key", "says"),
    [
        (
            f'source = "ooni"\n{PERIOD}',
            "country",
            'no country is named. Say in the job whom it asks about: country = "',
        ),
        (f'source = "radar"\n{PERIOD}', "country", "nobody is named"),
        (
            f'source = "ooni"\ncountry = "IR"\n{PERIOD}\nnetworks = ["AS64500"]',
            "networks",
            "cannot be asked for a netw",
        ),
        (f'source = "google"\ncountry = "IR"\n{PERIOD}\ntests = ["telegram"]', "tests", "cannot be asked for a test"),
        (f'source = "google"\ncountry = "IR"\n{PERIOD}\noptions = {{ product = "x" }}', "", "product"),
        (f'source = "ooni"\ncountry = "IR"\n{PERIOD}\noptions = {{ late = "x" }}', "", "late cannot be 'x'"),
        (
            f'source = "ooni"\ncountry = "IR"\n{PERIOD}\nfrom = "https://h.example/?k=v"',
            "",
            "not the address of a mirror",
        ),
        (
            f'source = "ooni"\ncountry = "IR"\n{PERIOD}\nfrom = "ftp://h.example"',
            "",
            "is no address that can be fetched",
        ),
        (f'source = "google"\ncountry = "IR"\n{PERIOD}\nfrom = "here"', "", "a folder cannot stand in for it"),
        (f'source = "ris"\n{PERIOD}\noptions = {{ spacing = 5 }}', "", "spacing cannot be 5 hours"),
    ],
)
def test_jobs_are_checked_before_the_first_is_asked(say: Say, server: Replay, wrong: str, key: str, says: str) -> None:
    write(GOOGLE, wrong)
    code, out, err = say("jobs", "--json")
    assert (code, out) == (2, "")
    assert f"clampdown.toml, job 2{key and f', {key}: '}" in err
    assert says in err
    assert not server.log
    assert not Path("store").exists()


def test_jobs_that_fit_are_asked_for_nothing_by_the_check(say: Say, server: Replay) -> None:
    """A period to come is no fault of the file: that job fails alone, with its number."""
    later = GOOGLE.replace("2022-09-01", "2099-01-01").replace("2022-09-03", "2099-02-01")
    write(later, GOOGLE)
    code, _, err = say("jobs")
    assert code == 2
    assert "job 1: the period lies in the future" in err
    assert len(server.log) > 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ooni", "IR", "--network", "AS64500"), "findings --network AS64500"),
        (("tor-metrics", "IR", "--network", "AS64500"), "tor-metrics cannot be asked for a network"),
        (("tor-metrics", "IR", "--test", "telegram"), "tor-metrics cannot be asked for a test"),
        (("ioda", "IR", "--test", "telegram"), "ioda cannot be asked for a test"),
        (("ris", "--network", "AS64500"), "ris cannot be asked for a network"),
        (("ooni-api", "IR", "--option", "aggregation=yes", "--option", "colour=red"), "has no option 'colour'"),
        (("google", "IR", "--from", "\udcc3"), "--from holds letters that cannot be read"),
        (("ooni-api", "IR", "--option", "domain=\udcc3"), "--option holds letters that cannot be read"),
    ],
)
def test_words_that_a_service_has_no_use_for(say: Say, server: Replay, words: tuple[str, ...], says: str) -> None:
    code, out, err = say(*words, "--since", "2022-09-01", "--until", "2022-09-03")
    assert (code, out, says in err) == (2, "", True), err
    assert not server.log
    assert not Path("store").exists()


def test_a_country_that_chooses_nothing_is_said(say: Say) -> None:
    words = ("--since", "2022-09-20", "--until", "2022-09-21", "--dry-run")
    assert "ris has no files of one country: IR chooses nothing" in say("ris", "IR", *words)[2]
    assert "chooses nothing" not in say("google", "IR", *words)[2]


@pytest.mark.parametrize(("days", "more"), [(10, ""), (11, "and 1 more file could"), (12, "and 2 more files could")])
def test_failed_files_beyond_the_first_ten_are_counted(say: Say, server: Replay, days: int, more: str) -> None:
    server.mount("/routeviews/", lambda _: Reply(b"no", 403))
    words = ("--since", "2022-09-01", "--until", f"2022-09-{days + 1:02}", "--option", "spacing=24")
    code, _, err = say("routeviews", *words)
    assert (code, f"{days} of {days} files could not be had" in err) == (2, True), err
    assert (more in err, "more file" in err) == (True, bool(more))


def test_the_time_of_a_run_is_one_for_all_jobs(say: Say, server: Replay) -> None:
    def slow(asked: Asked) -> Reply:
        time.sleep(0.5)
        return google(asked)

    server.mount("/google/", slow)
    write(*(GOOGLE.replace('"IR"', f'"{code}"') for code in ("IR", "KE", "MM", "RU")), settings="fetch_total = 1\n")
    code, out, err = say("jobs", "--json")
    assert code == 2
    found = checked("fetch-jobs", out)["jobs"]
    assert [one["exit"] for one in found][2:] == [2, 2]
    assert "the time for this run is over (1 s); it was not asked" in found[3]["error"]["what"]
    assert "job 4 (google RU)" in err
    assert "raise fetch_total" in err
    code, out, err = say("jobs", "--total", "60")
    assert code == 0, err
