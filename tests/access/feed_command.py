"""Law: the tests of writing and checking a feed share one small store's records, and one command around the feed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import nettests
import records

from clampdown.cli import access_feed, group
from clampdown.cli.frame import common, open_frame, reference_option, run, store_option

FAILS = nettests.VANILLA_TOR | {"transport_name": "snowflake", "rendezvous_method": "ampcache"}
COMES = FAILS | {"failure": None, "error": None, "success": True, "bootstrap_time": 31.0, "tor_progress": 100,
                 "tor_progress_tag": "done", "tor_progress_summary": "Done"}  # fmt: skip
BEGIN, LAST = datetime(2024, 1, 1), 70


@click.command("feed")
@click.argument("country", required=False)
@store_option
@click.option("--at")
@click.option("--network")
@access_feed.options
@reference_option
@common
@click.pass_context
def command(context: click.Context, country: str | None, at: str | None, network: str | None, **asked: Any) -> None:
    """The part of `clampdown access` that writes feeds."""
    stored = context.get_parameter_source("store") is click.core.ParameterSource.COMMANDLINE
    made = access_feed.done(open_frame(context), country, at=at, others=network is not None, stored=stored, **asked)
    click.echo("done" if made else "an answer", err=True)


def record(keys: Any, day: int, session: int, network: int, country: str) -> dict[str, Any]:
    time = BEGIN + timedelta(days=day, hours=10, minutes=session)
    stamp = f"{time:%Y%m%dT100000Z}"
    tail = f"{country}_torsf_{network:08x}{session:08x}"
    return records.envelope(
        "torsf", keys, probe_cc=country, probe_asn=f"AS{network}", resolver_asn=f"AS{network}",
        software_version=f"1.{session}.0", measurement_start_time=f"{time:%Y-%m-%d %H:%M:%S}",
        test_start_time=f"{time:%Y-%m-%d} 10:00:00", report_id=f"{stamp}_torsf_{country}_{network}_n1_{session:016x}",
        measurement_uid=f"{time:%Y%m%d%H%M%S}.000000_{tail}",
    )  # fmt: skip


def lines(*made: dict[str, Any]) -> str:
    return "".join(json.dumps(each) + "\n" for each in made)


def ingest(place: str, file: Path, text: str) -> None:
    file.write_text(text)
    assert run(group, ["ingest", str(file), "--store", place, "--quiet", "--workers", "1"]) == 0


def everything(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
