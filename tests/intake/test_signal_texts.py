"""Law: each text is for one source at most; what is no table, or is cut, is told once, and what stood before stays."""

from __future__ import annotations

import gzip
import io
import sys
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import signal_texts as texts

from clampdown.intake.containers_bytes import Fault, Meter, Peeked, Place, Tap
from clampdown.intake.containers_bytes import Limits as FileLimits
from clampdown.intake.containers_expand import Unpacked, packer_of
from clampdown.intake.features import Kit
from clampdown.intake.levels import Opened
from clampdown.intake.sources import SignalSource, pings, plain, snapshots, tor_users

SOURCES = (plain.SOURCE, pings.SOURCE, tor_users.SOURCE, snapshots.SOURCE)
GOOD = {
    "plain_csv": ("time,entity,signal,value", "2026-01-08,IR,x/y,{n}"),
    "ping_log": ("iso,name_1,time_local_str,rtt", "MMR,Bago,2021-02-15 01:00:00,{n}"),
    "tor_users": ("date,country,users,lower,upper,frac", "2022-09-{n:02},ir,500,,,80"),
    "snapshots": ("ts,check,status,value,message", "2026-02-14T17:52:39Z,tor-relay-users,up,73,73 estimated users"),
}
ids = {"ids": lambda source: source.name}
READING = pytest.mark.parametrize("source", SOURCES[:3], **ids)
ALL = pytest.mark.parametrize("source", SOURCES, **ids)


def text_of(source: SignalSource, *numbers: int) -> str:
    head, row = GOOD[source.name]
    return "\n".join([head, *(row.format(n=n) for n in numbers or (1,))]) + "\n"


@pytest.mark.parametrize(
    ("head", "taken"),
    [
        ("time,entity,signal,value\n", "plain_csv"),
        ('"Value";"TIME";"entity";"signal"\r\n', "plain_csv"),
        ("# a remark\n\nvalue\ttime\tentity\tsignal\tunit\n", "plain_csv"),
        ("\ufefftime,entity,signal,value\n", "plain_csv"),
        ("ip_hash,iso,name_0,name_1,name_2,isp_name,owner_name,time_local_str,time_local_hr,rtt\n", "ping_log"),
        ("country,local_time,rtt\n", "ping_log"),
        ("date,country,users,lower,upper,frac\n", "tor_users"),
        (",date,country,users,lower,upper,frac\n", "tor_users"),
        ("#\n#\ndate,country,users,frac\n", "tor_users"),
        ("date,country,event_censor,event_spike,max_user_range,min_user_range,actual_users\n", "tor_users"),
        ("ts,check,status,value,message\n", "snapshots"),
        ('"Time (UTC)","Google (Search)","Telescope (# Unique Source IPs)","BGP (#Visible /24s)"\n', None),
        ("measurement_uid,measurement_start_time,probe_cc,test_name,dns_failure,value\n", None),
        ("country,region_or_as,start_utc,end_utc,kind,source_title,certainty,note\n", None),
        ("start_date,end_date,country,shutdown_type,ordered_by,news_link\n", None),
        ("date,measurements,ok,anomalies,ratio\n", None),
        ("date,country,users\n", None),
        ("date,country,users,frac,note\n", None),
        ("country,time,rtt\n", None),
        ("time,entity,signal\n", None),
        ('{"time": 1, "entity": 2, "signal": 3, "value": 4}\n', None),
        ("time entity signal value\n", None),
        ("", None),
        ("\0\0\0\0", None),
    ],
)
def test_each_text_is_for_one_source(head: str, taken: str | None) -> None:
    assert [source.name for source in SOURCES if source.sniff(head.encode())] == ([taken] if taken else [])


@ALL
def test_a_file_of_another_kind(source: SignalSource) -> None:
    for text in ("name,age\nA,1\nB,2\n", "just words\nand more\n", '{"a": 1}\n', "<html>\n<p>\n"):
        found = texts.told(source, text)
        assert not found.signals
        assert [each.reason for each in found.rejects] == ["unknown_format"]


@ALL
def test_nothing_in_it(source: SignalSource) -> None:
    for text in ("", "\n\n", "# a remark\n"):
        assert [each.reason for each in texts.told(source, text).rejects] == ["empty"]
    found = texts.told(source, GOOD[source.name][0] + "\n")
    assert not found.signals
    assert [each.reason for each in found.rejects] == ["empty"]


@ALL
def test_text_in_utf_16_and_one_long_line(source: SignalSource) -> None:
    found = texts.told(source, text_of(source).encode("utf-16"))
    assert [each.reason for each in found.rejects] == ["unknown_format"]
    found = texts.told(source, b"a," * 5_000_000)
    assert [each.reason for each in found.rejects] == ["unknown_format"]


@READING
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"\0,\0,\0,\0", "damaged"),
        (b"a," * 600_000, "too_long"),
        (b"alone", "not_a_row"),
        (b'"open,1,2,3', "not_a_row"),
    ],
    ids=["zero bytes", "long", "short", "quote"],
)
@pytest.mark.parametrize("size", [7, 1 << 20])
def test_a_bad_line_between_good_ones(source: SignalSource, bad: bytes, reason: str, size: int) -> None:
    if size < 10 and len(bad) > 1000:
        size = 5000
    head, first, second = text_of(source, 1, 1).encode().splitlines()
    found = texts.told(source, b"\r\n".join([head, first, bad, b"", second, b""]), size=size)
    assert found.why() == {3: reason}
    whole = texts.told(source, b"\n".join([head, first, second]))
    assert found.levels() == whole.levels()
    assert found.levels()


@READING
def test_a_file_that_breaks_off(source: SignalSource) -> None:
    text = text_of(source, *[1] * 3)
    fault = Fault("truncated", "the file ends in the middle")
    found = texts.told(source, text[:-4], fault=fault)
    assert [each.reason for each in found.rejects] == ["truncated"]
    assert fault.told
    assert found.levels() == texts.told(source, text_of(source, 1, 1)).levels()


@READING
def test_a_gzip_that_breaks_off(source: SignalSource) -> None:
    lines = [text_of(source).encode().splitlines()[0], *[text_of(source).encode().splitlines()[1]] * 50_000]
    packed = gzip.compress(b"\n".join(lines))[:-300]
    meter = Meter(FileLimits())
    tap = Peeked(Tap(io.BytesIO(packed), meter))
    packer = packer_of(tap.peek(4))
    assert packer is not None
    reader = Peeked(Unpacked(tap, packer, meter))
    batches = list(source.read(Opened(source.name, reader, Place("x.gz", None)), Kit()))
    assert [each.reason for batch in batches for each in batch.rejects] == ["truncated"]
    assert pa.concat_tables([batch.levels.signals for batch in batches if batch.levels]).num_rows > 0


@READING
def test_files_that_were_put_together(source: SignalSource) -> None:
    text = text_of(source)
    found = texts.told(source, text + text)
    assert not found.rejects
    assert found.series


def test_a_cell_over_two_lines_and_quotes_inside_cells() -> None:
    head = "time,entity,signal,value,note\n"
    found = texts.told(
        plain.SOURCE,
        head + '2026-01-08,IR,x/y,1,"two\nlines, ""so"""\n2026-01-09,IR,x/y,2,5" wide\n2026-01-10,IR,x/y,3,6" too\n',
    )
    assert not found.rejects
    assert [row["value"] for row in found.signals] == [1.0, 2.0, 3.0]
    found = texts.told(plain.SOURCE, head + '2026-01-08,IR,x/y,1,"open\n' + "2026-01-09,IR,x/y,2,\n" * 30)
    assert found.why() == {2: "not_a_row"}
    assert [row["time"] for row in found.signals] == [datetime(2026, 1, 9)]
