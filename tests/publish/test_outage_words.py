"""Law: a sentence on an outage says what its record says, brackets as brackets, and names its grade and its plane."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown.assess import zones
from clampdown.assess.connectivity import Outage
from clampdown.assess.outages import features, records
from clampdown.model import GRADES
from clampdown.model_signals import ENTITY_KINDS, OUTAGE_KINDS, PART_ROLES, PLANES, SCOPES
from clampdown.publish.words import codes as said
from clampdown.publish.words import outages as words
from clampdown.publish.words import signals as sig

sys.path.insert(0, str(Path(__file__).parent))
import cuts
from cuts import BACK, CUT, H, one, part, record

LABELS = {"XA": "Xanadia", "MM": "Myanmar"}
GRADED = (
    "Grade: corroborated (2 planes: control plane and data plane, measured by the public route collectors and IODA)."
)
NOT_SAID = "Called an outage and not a shutdown, because no source outside the signals says that it was ordered."
BEGAN = (
    "on the data plane (answers to probes) it began between 12 September 2026 19:30 and 20:00 local time (16:00 and "
    "16:30 UTC). At the worst moment, 13 September 2026 14:00 local time (10:30 UTC), "
)
ENDED = (
    "It ended between 19 September 2026 09:00 and 09:30 local time (05:30 and 06:00 UTC), after 6 days 13 hours at "
    "least and 6 days 14 hours at most."
)
LOST = "As much was lost as in 146 hours without any connection."
ALONE = {"planes": "data", "operators": "ioda", "grade": "consistent"}
ONE_PLANE = "Grade: consistent (1 plane: data plane, measured by IODA)."
NIGHTS = cuts.nights(72, datetime(2021, 2, 14))
CASES: tuple[tuple[Outage, str], ...] = (
    (
        one([part()]),
        f"Xanadia was cut off: {BEGAN}93% was lost: 1,655 /24 address blocks that answer probes where 23,640 are "
        f"expected. {ENDED} {LOST} It also fell on the control plane (the routing table). {GRADED} {NOT_SAID}",
    ),
    (
        one(lasts=True, end_after=None, end_before=None, unknown_hours=12.0, planes_missing="background usage"),
        f"Xanadia was cut off: {BEGAN}93% of what is expected was lost. It was still down when the data end, 1 October "
        "2026 03:00 local time (30 September 23:30 UTC), 18 days 7 hours after it was first seen down. As much was "
        "lost as in 146 hours without any connection; 12 hours within it have no data and count neither as lost nor "
        "as there. It also fell on the control plane (the routing table). There are no data of the background plane "
        f"(background noise) and the usage plane (use of services). {GRADED} {NOT_SAID}",
    ),
    (
        one([part()], onset_after=None, depth=0.4, zone=None, planes_unmoved="control", signals_unmoved="bgp/prefixes",
            contradicts="planes_disagree,one_signal", **ALONE),
        "Xanadia stopped answering a part of the probes: on the data plane (answers to probes) it was down when the "
        "data begin, 12 September 2026 16:30 UTC. At the worst moment, 13 September 2026 10:30 UTC, 40% was lost: "
        "1,655 /24 address blocks that answer probes where 23,640 are expected. It ended between 19 September 2026 "
        f"05:30 and 06:00 UTC, after 6 days 13 hours at least. {LOST} No fall was seen on the control plane (the "
        f"routing table): IPv4 prefixes in the routing table. {ONE_PLANE} {NOT_SAID} Against it: on other planes there "
        "are data, and they did not fall; one signal alone shows it.",
    ),
    (
        one([part("restoration", "google/search", plane="usage", operator="google", onset_after=CUT + 79 * H,
                  onset_before=CUT + 80 * H)],
            [record()], published="c1 c2", kind="shutdown", kind_why="published_list", restorations=1, scope="total",
            planes="data usage", operators="google ioda"),
        f"Xanadia was cut off: {BEGAN}93% of what is expected was lost. {ENDED} {LOST} It also fell on the usage plane "
        "(use of services). Use of Google search (usage plane, measured by Google) came back between 16 September 2026 "
        "03:00 and 04:00 local time (15 September 23:30 and 16 September 00:30 UTC), before the outage was over. "
        "Grade: corroborated (2 planes: data plane and usage plane, measured by Google and IODA). Called a shutdown, "
        "because a published list of shutdowns has it. 2 published records speak of it or of its days (A list of "
        "shutdowns, keepiton).",
    ),
    (
        one(NIGHTS, entity="MM/Bago", country="MM", entity_kind="region", pattern="nightly", occurrences=72,
            occurrences_of=72, zone="Asia/Yangon", onset_after=NIGHTS[0]["onset_after"],
            onset_before=NIGHTS[0]["onset_before"], end_after=NIGHTS[-1]["end_after"],
            end_before=NIGHTS[-1]["end_before"], worst=NIGHTS[5]["onset_before"], depth=1.0, **ALONE),
        "Bago (Myanmar) stopped answering probes again and again, on 72 of 72 nights: on the data plane (answers to "
        "probes) the first cut began between 15 February 2021 00:00 and 01:00 local time (14 February 17:30 and 18:30 "
        "UTC); 72 of 72 were first seen down at 01:00 local time. At the worst moment, 20 February 2021 01:00 local "
        "time (19 February 18:30 UTC), 100% of what is expected of /24 address blocks that answer probes was lost. The "
        f"last of them ended between 27 April 2021 07:30 and 08:30 local time (01:00 and 02:00 UTC). {LOST} "
        f"{ONE_PLANE} {NOT_SAID}",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("outage", "says"), CASES, ids=["cut", "lasts", "in part", "restored", "nightly"])
def test_an_outage_is_told(outage: Outage, says: str) -> None:
    assert re.sub("[\u2068\u2069]", "", words.sentence(outage, LABELS)) == says


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        ({"scope": "international"}, "Xanadia was cut off from the rest of the world:"),
        ({"scope": "whitelist"}, "Xanadia was cut off, but for chosen services:"),
        ({"scope": "mobile"}, "Mobile access in Xanadia was cut off:"),
        ({"scope": "fixed"}, "Fixed lines in Xanadia were cut off:"),
        ({"depth": 0.5}, "Xanadia lost a part of its connections:"),
        ({"entity": "AS64500@XA", "entity_kind": "network", "network": 64500}, "AS64500 in Xanadia was cut off:"),
        ({"planes": "control", "plane": "control", "depth": 0.3}, "Xanadia lost a part of its routes:"),
        ({"planes": "background", "plane": "background"}, "Background noise from Xanadia fell:"),
        ({"grade": "insufficient", "planes": "data"}, "Too little to speak of an outage: Xanadia stopped answering"),
        ({"end_after": None, "end_before": None}, "Its end is not known; the data end 1 October 2026 03:00"),
        ({"precursors": 2}, "2 lesser falls came before it."),
        ({"restorations": 3}, "3 partial restorations came before the end."),
        ({"contradicts": "new_normal,begun_apart"}, "Against it: a level has settled at another height, which"),
        ({"kind_why": "accident_named,no_outside_source"}, "names an accident as its cause and no source outside"),
        ({"pattern": "mornings", "occurrences": 12, "occurrences_of": 19}, "again and again, on 12 of 19 mornings:"),
    ],
)  # fmt: skip
def test_no_more_is_said_than_the_record_says(given_: dict[str, Any], says: str) -> None:
    assert says in words.sentence(one(**given_), LABELS)


def test_a_part_of_a_service_is_not_the_whole() -> None:
    partly = part("restoration", onset_after=CUT + 10 * H, onset_before=CUT + 11 * H, depth=0.63, expected=None)
    text = words.sentence(one([partly, partly | {"onset_before": CUT + 30 * H}], restorations=2), LABELS)
    assert "came back in part between" in text
    assert "63% stayed lost, and fell and came back 1 more time." in text


def test_lesser_falls_and_returns_in_part_come_last() -> None:
    given_ = [
        part(), part("restoration", "google/maps", plane="usage", operator="google", onset_before=CUT + 80 * H,
                     expected=70.0),
        part("restoration", onset_after=CUT + 10 * H, onset_before=CUT + 11 * H, depth=0.63),
        part("precursor", onset_after=CUT - 9 * H, onset_before=CUT - 8 * H, depth=0.2),
    ]  # fmt: skip
    told = words.paragraphs(one(given_, restorations=3, precursors=2), LABELS)
    assert len(told) == 4
    assert "Use of Google maps (usage plane, measured by Google) came back" in told[1]
    assert "in part" not in told[1]
    assert told[2].startswith("Grade: ")
    for says in ("came back in part between", "1 more partial restoration came", "A lesser fall came before it: ",
                 "1 more lesser fall came before it."):  # fmt: skip
        assert says in told[3], says


def test_a_level_that_settled_did_not_last() -> None:
    settled = {"end_after": None, "end_before": None, "normal_again": True}
    given_ = {"lasts": True, "end_after": None, "end_before": None}
    text = words.sentence(one([part(**settled)], **given_), LABELS)
    assert "still down" not in text
    assert "It had not come back by 1 October 2026 03:00 local time (30 September 23:30 UTC): its level had " in text
    assert "had settled at another height (a new normal?), and was watched from there on." in text
    assert "still down" in words.sentence(one([part(**settled | {"normal_again": False})], **given_), LABELS)
    assert "still down" in words.sentence(one([part(**settled | {"plane": "usage"})], **given_), LABELS)


def test_occurrences_are_falls_of_their_plane() -> None:
    """Where a cut of a recurring one was dated by another plane, the deepest is told, once."""
    nights = [each | {"plane": "usage", "signal": "google/search", "depth": 0.5} for each in cuts.nights(2, CUT)]
    nights[1]["depth"] = 0.8
    text = words.sentence(one([part("occurrence"), *nights], pattern="nightly", occurrences=3, planes="data usage"))
    assert "On the usage plane, use of Google search lost 80% at worst." in text
    assert "It also fell on" not in text


def test_brackets_within_brackets_are_none() -> None:
    region = one(entity="XA/Lowland", entity_kind="region")
    assert re.sub("[\u2068\u2069]", "", words.place(region, {"XA": "X (fictional)"})) == "Lowland, X (fictional)"
    assert words.place(region, LABELS) == "Lowland (Xanadia)"


_times = st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1))
_text = st.text(max_size=12)


@st.composite
def _rows(draw: st.DrawFn) -> Any:
    def chance(of: Any) -> Any:
        return draw(st.none() | of)

    listed = st.lists(st.sampled_from([*PLANES, "x"]), max_size=3).map(" ".join)
    row = cuts.row(
        kind=draw(st.sampled_from([*OUTAGE_KINDS, "other"])), grade=draw(st.sampled_from(GRADES)),
        kind_why=draw(st.lists(st.sampled_from([*said.OUTAGE_WHY, "x"]), max_size=2).map(",".join)),
        country=chance(st.sampled_from(["XA", "MM"])), entity=draw(_text.filter(bool)),
        entity_kind=draw(st.sampled_from(ENTITY_KINDS)), plane=draw(st.sampled_from([*PLANES, "x"])),
        onset_after=chance(_times), onset_before=draw(_times), end_after=chance(_times), end_before=chance(_times),
        last_seen=draw(_times), lasts=draw(st.booleans()), depth=draw(st.floats(0, 1)), worst=draw(_times),
        lost_hours=draw(st.floats(0, 1e5)), unknown_hours=draw(st.floats(0, 1e5)), scope=draw(st.sampled_from(SCOPES)),
        planes=draw(listed), planes_unmoved=draw(listed), planes_missing=draw(listed), signals_unmoved=draw(_text),
        precursors=draw(st.integers(0, 5)), restorations=draw(st.integers(0, 5)), features=draw(_text),
        pattern=chance(st.sampled_from(["nightly", "mornings", "recurring", "x"])), published=draw(_text),
        occurrences=draw(st.integers(1, 99)), occurrences_of=draw(st.integers(1, 99)), contradicts=chance(_text),
        zone=chance(st.sampled_from(["Asia/Tehran", "Asia/Yangon", "No/Where", "../../etc/passwd"])),
    )  # fmt: skip
    parts = [
        part(
            draw(st.sampled_from(PART_ROLES)), draw(st.sampled_from(["google/maps", "bgp/prefixes", "odd", ""])),
            plane=draw(st.sampled_from(PLANES)), onset_after=chance(_times), onset_before=chance(_times),
            end_after=chance(_times), end_before=chance(_times), depth=chance(st.floats(0, 1)),
            expected=chance(st.floats(0, 1e7)), level=chance(st.floats(0, 1e7)),
        )
        for _ in range(draw(st.integers(0, 4)))
    ]  # fmt: skip
    return row, parts


@settings(max_examples=60)
@given(_rows())
def test_every_outage_gives_a_sentence(made: Any) -> None:
    row, parts = made
    (outage,) = records(*cuts.tables([row], parts))
    text = words.sentence(outage, LABELS)
    assert f"Grade: {row['grade']} (" in text
    assert sig.plane(row["plane"]) in text
    assert text.endswith(".")
    assert text.count("\u2068") == text.count("\u2069")
    assert not re.search("[\x00-\x1f\u202e]", text)
    assert " None" not in text
    assert "nan" not in text.replace("Xanadia", "")


# ---- time --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "zone", "says"),
    [
        (datetime(2026, 1, 8, 16, 30), "Asia/Tehran", "8 January 2026 20:00 local time (16:30 UTC)"),
        (datetime(2022, 9, 21, 19, 29), "Asia/Tehran", "21 September 2022 23:59 local time (19:29 UTC)"),
        (datetime(2022, 9, 21, 19, 30), "Asia/Tehran", "21 September 2022 23:00 local time (19:30 UTC)"),
        (datetime(2021, 2, 14, 18, 30), "Asia/Yangon", "15 February 2021 01:00 local time (14 February 18:30 UTC)"),
        (datetime(2025, 12, 31, 22), "Asia/Yangon", "1 January 2026 04:30 local time (31 December 2025 22:00 UTC)"),
        (datetime(2021, 2, 14, 18, 30), None, "14 February 2021 18:30 UTC"),
        (datetime(2021, 2, 14, 18, 30), "Mars/Base", "14 February 2021 18:30 UTC"),
    ],
)
def test_local_time_follows_place_and_date(time: datetime, zone: str | None, says: str) -> None:
    assert sig.moment(time, zone) == says


def test_changes_of_the_clock_are_found() -> None:
    found = zones.shifts(datetime(2022, 1, 1), datetime(2023, 6, 1), "Asia/Tehran")
    assert [each.at.replace(tzinfo=None) for each in found] == [
        datetime(2022, 3, 21, 20, 30), datetime(2022, 9, 21, 19, 30)
    ]  # fmt: skip
    assert [zones.said(each.after) for each in found] == ["UTC+4:30", "UTC+3:30"]
    assert zones.shifts(datetime(2021, 1, 1), datetime(2021, 9, 1), "Asia/Yangon") == ()


@pytest.mark.parametrize(
    ("span", "up", "says"),
    [
        (timedelta(minutes=40), False, "40 minutes"), (timedelta(minutes=1), False, "1 minute"),
        (timedelta(hours=5, minutes=30), False, "5 hours 30 minutes"),
        (timedelta(days=18, hours=13, minutes=30), False, "18 days 13 hours"),
        (timedelta(days=18, hours=13, minutes=30), True, "18 days 14 hours"), (timedelta(days=1), True, "1 day"),
    ],
)  # fmt: skip
def test_lengths_are_rounded_the_right_way(span: timedelta, up: bool, says: str) -> None:
    assert sig.length(span, up=up) == says


def test_a_night_belongs_to_the_day_that_follows() -> None:
    assert words.night(datetime(2021, 2, 14, 18, 30), "Asia/Yangon") == "2021-02-15"  # 01:00
    assert words.night(datetime(2021, 2, 14, 16, 0), "Asia/Yangon") == "2021-02-15"  # 22:30 of the 14th
    assert words.night(datetime(2021, 2, 14, 2, 0), "Asia/Yangon") == "2021-02-14"  # a morning


def test_features_keep_their_value_and_ratio() -> None:
    found = features("on_the_hour=yes:3.06 protest=unknown: order=yes odd")
    assert [(f.name, f.value, f.ratio) for f in found] == [
        ("on_the_hour", "yes", 3.06), ("protest", "unknown", None), ("order", "yes", None), ("odd", "unknown", None)
    ]  # fmt: skip
    assert words.feature(found[0]) == "it begins on the hour, local time: yes (3.06 to 1 for a shutdown)"
    assert words.feature(found[1]) == "protests are on record for these days: not known"


def test_what_others_wrote_turns_nothing() -> None:
    bad = "\u202egnp.exe\nx"
    outage = one([part("restoration", bad, operator=bad)], [record(title=bad, source=bad)], entity=bad, country=None,
                 entity_kind="region", published="c1", kind=bad, end_before=BACK)  # fmt: skip
    text = words.sentence(outage)
    assert "\u202e" not in text
    assert "\n" not in text
    assert text.count("\u2068") == text.count("\u2069") > 0
