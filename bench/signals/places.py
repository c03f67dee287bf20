"""Law: a place has a local time: offsets come from the zone and the date, never from a number per country."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

DAY: Final = 1440  # minutes; all times within a world are minutes since its start, UTC

# Code, zone, days of the weekend (Monday is 0). Codes are real so that whoever looks a zone up finds the same one.
_ROWS: Final = """
IR Asia/Tehran 4|MM Asia/Yangon 56|SY Asia/Damascus 45|IQ Asia/Baghdad 45|EG Africa/Cairo 45|SD Africa/Khartoum 45
ET Africa/Addis_Ababa 56|UG Africa/Kampala 56|TD Africa/Ndjamena 56|GA Africa/Libreville 56|CM Africa/Douala 56
TG Africa/Lome 56|BY Europe/Minsk 56|KZ Asia/Almaty 56|TM Asia/Ashgabat 56|PK Asia/Karachi 56|BD Asia/Dhaka 45
LK Asia/Colombo 56|NP Asia/Kathmandu 5|AF Asia/Kabul 4|CU America/Havana 56|VE America/Caracas 56|DZ Africa/Algiers 45
MR Africa/Nouakchott 56|ML Africa/Bamako 56|GN Africa/Conakry 56|SN Africa/Dakar 56|NE Africa/Niamey 56
NG Africa/Lagos 56|ZW Africa/Harare 56|ZM Africa/Lusaka 56|TZ Africa/Dar_es_Salaam 56|KE Africa/Nairobi 56
MZ Africa/Maputo 56|SZ Africa/Mbabane 56|JO Asia/Amman 45|LB Asia/Beirut 56|YE Asia/Aden 45|SA Asia/Riyadh 45
TR Europe/Istanbul 56|UA Europe/Kyiv 56|MD Europe/Chisinau 56|GE Asia/Tbilisi 56|AM Asia/Yerevan 56|AZ Asia/Baku 56
UZ Asia/Tashkent 56|KG Asia/Bishkek 56|TJ Asia/Dushanbe 56|DE Europe/Berlin 56|FR Europe/Paris 56|ES Europe/Madrid 56
GB Europe/London 56|PL Europe/Warsaw 56|RO Europe/Bucharest 56|CL America/Santiago 56|PY America/Asuncion 56
PE America/Lima 56|CO America/Bogota 56|MX America/Mexico_City 56|CA America/Toronto 56|AU Australia/Sydney 56
NZ Pacific/Auckland 56|JP Asia/Tokyo 56|KR Asia/Seoul 56
"""


@dataclass(frozen=True, slots=True)
class Country:
    code: str
    zone: str
    weekend: frozenset[int]


def _countries() -> tuple[Country, ...]:
    rows = (row.split() for line in _ROWS.split("\n") for row in line.split("|") if row)
    return tuple(Country(code, zone, frozenset(map(int, days))) for code, zone, days in rows)


COUNTRIES: Final = _countries()


@cache
def offsets(zone: str, start: date, days: int, summer: bool = True) -> np.ndarray:
    """Minutes that local time is ahead of UTC, for every hour. Without `summer` clocks are never changed."""
    begin = datetime(start.year, start.month, start.day)
    place, utc = ZoneInfo(zone), ZoneInfo("UTC")

    def ahead(hour: int) -> int:
        shown = (begin + timedelta(hours=hour)).replace(tzinfo=utc).astimezone(place)
        return int((shown.utcoffset() or timedelta()).total_seconds() // 60)

    daily = [ahead(24 * day) for day in range(days + 1)] if summer else [ahead(0)] * (days + 1)
    hourly = np.repeat(np.array(daily[:-1]), 24)
    for day in np.flatnonzero(np.diff(daily)):
        hourly[24 * day : 24 * day + 24] = [ahead(24 * int(day) + hour) for hour in range(24)]
    hourly.setflags(write=False)
    return hourly
