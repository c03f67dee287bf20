"""Law: each service's answers come through the command into a store, once, with its token in one header alone.

A server on loopback answers in the shapes of the services' own documentation; every figure is made up.
"""

from __future__ import annotations

import bz2
import gzip
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from replay.api import Api
from replay.archive import Size, make
from replay.server import Asked, Replay, Reply, document

from clampdown.pipeline import api, keeping

sys.path += [str(Path(__file__).parent / "services"), str(Path(__file__).parents[1] / "intake")]
import made_mrt as mrt
import test_ioda_questions as ioda
import test_radar_questions as radar
from test_tor_questions import PREAMBLE, TABLES

TOKEN = "t0ken-that-nobody-sees"
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(fetches: Say) -> Say:
    return lambda *words: fetches(*words, "--json")


def answered(made: Any, kind: str = "application/json") -> Reply:
    return document(made if isinstance(made, bytes) else json.dumps(made).encode(), kind=kind)


def twice(say: Say, *words: str) -> dict[str, Any]:
    """The same command again brings nothing more; what the first one did."""
    code, out, err = say(*words)
    assert code == 0, err
    first = json.loads(out)
    code, out, err = say(*words)
    assert code == 0, err
    again = json.loads(out)
    assert (again["brought"], again["measurements"], again["levels"]) == (0, 0, 0)
    return first


def test_ioda(server: Replay, say: Say) -> None:
    def reply(asked: Asked) -> Reply:
        if "/signals/" in asked.path:
            _, kind, code = asked.path.rsplit("/", 2)
            return answered(ioda.envelope([[ioda.serie(asked.query, kind, code)]]))
        if asked.path.endswith("events"):
            rows = [ioda.event(n) for n in range(500 if asked.query["page"] == "0" else 7)]
            return answered(ioda.envelope(rows, "outages.events"))
        return answered(ioda.envelope([], "outages.alerts"))

    server.mount("/ioda/", reply)
    done = twice(say, "ioda", "IR", "--network", "AS58224", "--since", "2022-09-10", "--until", "2022-10-01")
    assert done["levels"] == 30 * 288 * 8  # five sources of the country, three of the network, in three whole windows
    assert done["gaps"] == 4  # lists of alerts without a row: of two entities, in two windows
    assert done["failed"] == done["rejects"] == 0
    assert {one["entity"] for one in api.open_store("store").series().to_pylist()} == {"IR", "AS58224"}


def test_ioda_that_answers_with_an_error(server: Replay, say: Say) -> None:
    server.mount("/ioda/", lambda _: answered(ioda.envelope(None, error="Bad request")))
    code, _, err = say("ioda", "IR", "--since", "2022-09-10", "--until", "2022-09-12", "--option", "what=signals")
    assert code == 2
    assert "IODA answered with an error: Bad request" in err
    assert "5 of 5 files could not be had" in err


def test_tor_metrics(server: Replay, say: Say) -> None:
    def reply(asked: Asked) -> Reply:
        name = asked.path.rpartition("/")[2].removesuffix(".csv")
        if name == "userstats-bridge-country":
            return answered(b"No data available for the given parameters.\n", "text/plain")
        return answered(PREAMBLE + TABLES[name], "text/csv")

    server.mount("/tor-metrics/", reply)
    done = twice(say, "tor-metrics", "IR", "--since", "2022-09-01", "--until", "2022-09-15")
    assert (done["levels"] > 0, done["gaps"], done["failed"]) == (True, 1, 0)


def test_google(server: Replay, say: Say) -> None:
    def reply(asked: Asked) -> Reply:
        start = int(asked.query["start"])
        points = ",".join(f"[{start + n * 1_800_000},[[1,{10 + n}.5]]]" for n in range(48))
        return answered(f')]}}\'\n\n[["traffic.fraction",[{points}]]]'.encode())

    server.mount("/google/", reply)
    done = twice(say, "google", "IR", "--since", "2022-09-01", "--until", "2022-09-02")
    assert done["levels"] == 48 * done["brought"]
    # A question that begins or ends elsewhere in the same windows brings nothing, and no second series.
    for since, until in (("2022-09-02", "2022-09-03"), ("2022-09-01T12:00", "2022-09-10")):
        code, out, err = say("google", "IR", "--since", since, "--until", until)
        assert (code, json.loads(out)["brought"], json.loads(out)["levels"]) == (0, 0, 0), err


def test_status_asks_for_nothing_that_cannot_be_there(server: Replay, say: Say) -> None:
    """Tor Metrics is two days late, and has whole days."""
    server.mount("/tor-metrics/", lambda asked: answered(b"No data available\n", "text/plain"))
    now = datetime.now(UTC).replace(tzinfo=None)
    words = ("tor-metrics", "IR", "--option", "what=relay", "--since")
    assert say(*words, (now - timedelta(days=1)).isoformat())[0] == 0
    assert keeping.status("store").asked == ()
    assert say(*words, (now - timedelta(days=9)).isoformat())[0] == 0
    [ask] = keeping.status("store").asked
    last = (now - timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
    [period] = ask.periods
    assert period.until == last.isoformat()
    assert [gap.last for gap in ask.gaps] == [(last - timedelta(days=1)).date().isoformat()]
    assert "." not in period.since, "seconds are enough"


def test_radar_and_its_token(server: Replay, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {"timestamps": ["2022-09-05T00:00:00Z", "2022-09-05T01:00:00Z"], "values": ["0.5", "1"]}

    def reply(asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(json.dumps({"success": False, "errors": [{"message": "Authentication error"}]}).encode(), 401)
        if asked.path.endswith("annotations/outages"):
            return answered(radar.answer(annotations=[radar.annotation(1)]))
        if asked.path.endswith("traffic_anomalies"):
            return answered(radar.answer(trafficAnomalies=[radar.anomaly(1)]))
        meta = {"aggInterval": "ONE_HOUR", "normalization": "MIN0_MAX", "units": [{"name": "*", "value": "bytes"}]}
        return answered(radar.answer(meta=meta, **{asked.query["name"]: points}))

    server.mount("/radar/", reply)
    question = ("radar", "IR", "--since", "2022-09-05", "--until", "2022-09-12")
    for name in ("CLAMPDOWN_RADAR_TOKEN", "CLOUDFLARE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = say(*question)
    assert (code, "radar wants a token" in err) == (2, True)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "a-wrong-one")
    code, _, err = say(*question)
    assert (code, "wants a token, or another one" in err) == (2, True)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    done = twice(say, *question, "--token-file", "token")
    assert done["levels"] > 0
    assert done["published"] > 0
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    code, out, err = say(*question, "-vv", "--log-format", "json")
    assert code == 0
    kept = b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert TOKEN not in out + err
    assert TOKEN.encode() not in kept


@pytest.mark.parametrize("text", ["", "two words\n", "\x1b[31m"])
def test_a_file_without_a_token(say: Say, tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    code, _, err = say("radar", "IR", "--since", "2022-09-05", "--token-file", "token")
    assert (code, "the file holds no token" in err) == (2, True)


@pytest.mark.parametrize(("service", "pack", "gaps"), [("ris", gzip.compress, 1), ("routeviews", bz2.compress, 0)])
def test_routes(server: Replay, say: Say, service: str, pack: Callable[[bytes], bytes], gaps: int) -> None:
    """Names follow from the clock; a table that is not there is a gap."""
    time = int(datetime(2022, 9, 20).timestamp())
    table = mrt.peers(time, [("192.0.2.1", 64501)])

    def reply(asked: Asked) -> Reply | None:
        return None if "1600" in asked.path and gaps else answered(pack(table), "application/octet-stream")

    server.mount(f"/{service}/", reply)
    done = twice(say, service, "--since", "2022-09-20", "--until", "2022-09-21", "--option", "spacing=8")
    assert (done["brought"] + done["gaps"], done["gaps"], done["failed"]) == (3, gaps, 0)


def test_what_is_told_of_a_table_is_no_unread_record(server: Replay, say: Say) -> None:
    """As with `ingest`: `--strict` asks for records that could not be read, and changes without a table are read."""
    time = int(datetime(2022, 9, 20).timestamp())
    changes = mrt.told(time, "192.0.2.1", 64501, mrt.update(["203.0.113.0/24"], path=(64501, 64500)))
    server.mount("/ris/", lambda _: answered(gzip.compress(changes), "application/octet-stream"))
    words = ("ris", "--since", "2022-09-20", "--until", "2022-09-20T06", "--option", "spacing=8", "--strict")
    code, out, err = say(*words)
    assert (code, json.loads(out)["rejects"] > 0, "no_table" in err) == (0, True, True)


def test_ooni_api(server: Replay, say: Say) -> None:
    made = make(Size(datetime(2021, 3, 1).date(), 2, (3, 20), ("telegram",), 1, 99, 0, 0))
    server.mount("/ooni-api/", lambda asked: Api(made)(_under(asked, "/ooni-api")))
    done = twice(say, "ooni-api", made.country, "--since", "2021-03-01", "--until", "2021-03-03", "--test", "telegram")
    own = {one.uid for held in made.held.values() for one in held if one.country == made.country}
    assert done["measurements"] == len(own)
    uid = next(iter(sorted(own)))
    code, out, _ = say("ooni-api", "--option", f"uid={uid}")
    assert (code, json.loads(out)["brought"]) == (0, 0)  # it is here already
    code, _, err = say("ooni-api", made.country, "--since", "2021-03-01", "--until", "2021-03-03", "--option", "most=1")
    assert (code, "fetch ooni" in err) == (2, True)


def _under(asked: Asked, prefix: str) -> Asked:
    from dataclasses import replace

    return replace(asked, path=asked.path.removeprefix(prefix))


def test_ooni_api_counts_go_to_stdout(server: Replay, say: Say, tmp_path: Path) -> None:
    rows = [{"measurement_start_day": "2021-03-01", "measurement_count": 5, "anomaly_count": 1}]
    server.mount("/ooni-api/", lambda _: answered({"v": 0, "dimension_count": 1, "result": rows}))
    words = ("ooni-api", "IR", "--since", "2021-03-01", "--until", "2021-03-02")
    code, out, err = say(*words, "--option", "aggregation=yes", "--option", "axis_x=measurement_start_day")
    assert code == 0, err
    assert json.loads(out)["result"] == rows
    assert "CC BY-NC-SA" in err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ooni-api", "IR"), "no period is named"),
        (("ioda", "--since", "2022-01-01"), "country"),
        (("ioda", "IR", "--since", "2022-01-01", "--option", "nonsense=1"), "no option 'nonsense'"),
        (("ioda", "IR", "--since", "2022-01-01", "--option", "nonsense"), "no option of a service"),
        (("ris", "--since", "2022-01-01", "--until", "2022-01-02", "--option", "collector=x"), "no collector of RIS"),
        (("nobody", "IR", "--since", "2022-01-01"), "no service 'nobody'"),
        (("ioda", "Iran", "--since", "2022-01-01"), "country code"),
        (("ioda", "IR", "--since", "2999-01-01"), "outside of the years"),
        (("ioda", "IR", "--since", "2099-01-01"), "in the future|period is empty"),
        (("ioda", "IR", "--since", "2022-01-01", "--proxy", "nonsense"), "no address of a proxy"),
        (("jobs", "IR"), "takes its questions from the settings file"),
        (("jobs",), "clampdown init writes one"),
    ],
)
def test_words_that_do_not_fit(say: Say, words: tuple[str, ...], says: str) -> None:
    import re

    code, _, err = say(*words)
    assert code == 2
    assert re.search(says, err), err
    assert "Traceback" not in err
