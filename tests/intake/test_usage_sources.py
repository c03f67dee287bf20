"""Law: users of Snowflake and Psiphon are read by country and whole day; proxies, broken answers and today are none."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import signal_texts as texts

from clampdown.intake.containers_bytes import Fault
from clampdown.intake.sources import psiphon, snowflake
from clampdown.pipeline.observe import SIGNALS

END = datetime(2025, 11, 2, 22, 44, 14)


def window(end: datetime = END, seconds: int = 86_400, **said: str) -> str:
    lines = {
        "snowflake-stats-end": f"{end:%Y-%m-%d %H:%M:%S} ({seconds} s)",
        "snowflake-ips": "KE=900,DE=5000",
        "snowflake-ips-total": "5900",
        "snowflake-idle-count": "88000",
        "client-snowflake-match-count": "4000",
        "client-http-ips": "KE=16,UG=8,??=8",
        "client-ampcache-ips": "KE=8",
        "client-sqs-ips": "",
    } | {name.replace("_", "-"): text for name, text in said.items()}
    return "".join(f"{word} {text}\n" for word, text in lines.items())


def flakes(text: str, **more: Any) -> texts.Told:
    return texts.told(snowflake.SOURCE, text, **more)


def test_requests_by_country_and_way() -> None:
    found = flakes("@type snowflake-stats 1.0\n" + window())
    begin = END - timedelta(days=1)
    assert found.levels() == {
        ("KE", "snowflake/clients"): {begin: 24}, ("UG", "snowflake/clients"): {begin: 8},
        ("unknown", "snowflake/clients"): {begin: 8}, ("KE", "snowflake/rendezvous/http"): {begin: 16},
        ("UG", "snowflake/rendezvous/http"): {begin: 8}, ("unknown", "snowflake/rendezvous/http"): {begin: 8},
        ("KE", "snowflake/rendezvous/ampcache"): {begin: 8},
    }  # fmt: skip
    assert not found.rejects
    assert {(row["entity"], row["country"]) for row in found.series} == {("KE", "KE"), ("UG", "UG"), ("unknown", None)}
    assert {(row["operator"], row["plane"], row["service"], row["step"]) for row in found.series} == {
        ("tor", "usage", "snowflake", 86_400)
    }


def test_a_country_that_lends_proxies_has_no_users_by_that() -> None:
    assert ("DE", "snowflake/clients") not in flakes(window()).levels()


def test_windows_that_say_nothing() -> None:
    idle = window(snowflake_ips_total="0", snowflake_idle_count="0", client_snowflake_match_count="0")
    short, later = window(seconds=3600), END + timedelta(days=2)
    found = flakes(idle + short + window(later) + window(later))
    assert {time for times in found.levels().values() for time in times} == {later - timedelta(days=1)}
    assert found.why() == {1: "no_data", 9: "not_a_level"}


def test_a_count_that_is_none_costs_itself() -> None:
    found = flakes(window(client_http_ips="KE=16,UG=,RW=-8,KE=8,QX=8,,ZA=24"))
    assert found.levels().keys() >= {("KE", "snowflake/clients"), ("ZA", "snowflake/clients")}
    assert {entity for entity, _ in found.levels()} == {"KE", "ZA"}
    assert sorted(each.reason for each in found.rejects) == ["not_a_level"] * 3 + ["unknown_country"]


def test_two_brokers_that_contradict_are_told() -> None:
    found = flakes(window() + window(client_http_ips="KE=160"))
    assert found.levels()["KE", "snowflake/rendezvous/http"] == {END - timedelta(days=1): 16}
    assert {each.reason for each in found.rejects} == {"contradiction"}


def test_before_the_split_by_country_there_is_nothing() -> None:
    lines = [line for line in window().splitlines(keepends=True) if not line.startswith("client-") or "count" in line]
    assert not flakes("".join(lines)).signals


@pytest.mark.parametrize("text", ["", "snowflake-stats-end yesterday (86400 s)\n", "@type snowflake-stats 1.0\n"])
def test_a_text_without_a_window(text: str) -> None:
    found = flakes(text)
    assert not found.signals
    assert len(found.rejects) == 1


def test_a_text_that_was_cut_gives_no_half_window() -> None:
    found = flakes(window() + window(END + timedelta(days=1))[:-60], fault=Fault("truncated", "it ends too soon"))
    assert {time for times in found.levels().values() for time in times} == {END - timedelta(days=1)}
    assert [each.reason for each in found.rejects] == ["truncated"]


def answer(*rows: tuple[str, str, Any], **more: Any) -> str:
    listed = [{"date": day, "client_region": region, "doc_count": count} for day, region, count in rows]
    return json.dumps({"total_stations": 7, "station_regions": [{"region": "KE", "stations": 9}]}
                      | {"daily_inproxy_count_last30": listed} | more)  # fmt: skip


def conduit(text: str) -> texts.Told:
    return texts.told(psiphon.SOURCE, text)


THREE = (("2026-02-01", "KE", 50), ("2026-02-02", "KE", 0), ("2026-02-03", "KE", 7), ("2026-02-01", "UG", 3))


@pytest.mark.parametrize("more", [{}, {"_last_updated": "2026-02-03T17:09:21Z"}])
def test_the_last_day_is_not_over(more: dict[str, Any]) -> None:
    found = conduit(answer(*THREE, **more))
    assert found.levels() == {
        ("KE", "psiphon/conduit-connections"): {datetime(2026, 2, 1): 50, datetime(2026, 2, 2): 0},
        ("UG", "psiphon/conduit-connections"): {datetime(2026, 2, 1): 3},
    }
    assert not found.rejects


def test_a_later_answer_says_that_it_is_over() -> None:
    found = conduit(answer(*THREE, _last_updated="2026-02-04T00:00:01Z"))
    assert found.levels()["KE", "psiphon/conduit-connections"][datetime(2026, 2, 3)] == 7


@pytest.mark.parametrize(
    "text",
    [
        answer(*THREE, _partial=True),
        '{"daily_inproxy_count_last30": null}',
        '{"error": "Could not parse stats"}',
        answer(),
        answer(("2026-02-01", "KE", 5)),
        answer(*THREE)[:-40],
        answer(("2026-02-01", "KE", None), ("2026-02-02", "KE", "many"), ("2026-02-03", "KE", 1.5)),
        answer(("2026-02-01", "Kenya", 5), ("soon", "KE", 5)),
    ],
)
def test_an_answer_that_says_nothing_is_no_zero(text: str) -> None:
    found = conduit(text)
    assert not found.signals
    assert found.rejects


def test_two_counts_of_one_day_are_told() -> None:
    found = conduit(answer(*THREE, ("2026-02-01", "KE", 51)))
    assert found.levels()["KE", "psiphon/conduit-connections"][datetime(2026, 2, 1)] == 50
    assert [each.reason for each in found.rejects] == ["contradiction"]


@pytest.mark.parametrize(("text", "name"), [(window(), "snowflake"), (answer(*THREE), "psiphon")])
def test_each_text_is_for_one_source(text: str, name: str) -> None:
    assert [source.name for source in SIGNALS if source.sniff(text.encode())] == [name]
