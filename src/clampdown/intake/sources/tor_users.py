"""Law: estimated users of Tor are read from the columns that say so; the share that an estimate rests on is no user.

Tables of Tor Metrics (metrics.torproject.org/stats.html), told apart by their columns, below any remarks (`#`) and with
or without a column of row numbers in front:

    date,country,users,lower,upper,frac          relay users; the bounds are not read
    date,country,users,frac                      bridge users: nothing but the bounds tells the two apart
    date,transport,users,frac                    bridge users by transport, of the whole world
    date,country,transport,low,high,frac         the same by country: the value is the mean of low and high
    date,node,country,transport,version,lower,upper,clients,frac
                                                 all of these in one
    date,country,event_censor,...,actual_users   tables of tor_anomaly: their relay users alone

`frac` (percent) becomes the quality. A country of no letters is the whole world (entity `world`), `??` is unknown
(entity `unknown`); both have no country. A day that is not there is missing, as is one without a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf, nan
from typing import Final, NamedTuple

from clampdown.intake.containers_bytes import BLOCK
from clampdown.intake.features import Kit
from clampdown.intake.gathered import WINDOW, Gathered, Kept, micros
from clampdown.intake.levels import Digested, LevelRows, Opened, Signal
from clampdown.intake.sources import SignalSource
from clampdown.intake.tabular import NO_VALUE, PAUSE, Bad, Row, Table, close, head_of, places
from clampdown.intake.times import NotATime, moment
from clampdown.model import Batch
from clampdown.reference.countries import country_of

_DAY: Final = 86_400
_MOST_SERIES: Final = 100_000
_LONGEST: Final = 40
_WHOLE: Final = {"": "world", "??": "unknown"}
_FRAC_IS_USERS: Final = (
    "its users are those of its column frac, a share in percent: the last column was taken for the number of users"
)

Cells = dict[str, str]


class _Form(NamedTuple):
    """One of the tables: which columns it must and may have, and what a row is."""

    name: str
    needed: frozenset[str]
    allowed: frozenset[str]
    signal: Callable[[Cells], str | None]  # None: this row belongs to no series
    value: tuple[str, ...]  # the column of the value, or the two whose mean it is


def _columns(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _of_node(cells: Cells) -> str | None:
    """The series of a row of the table of all clients."""
    node, transport, version = (cells[name].strip() for name in ("node", "transport", "version"))
    if node == "relay" and not transport and not version:
        return "tor/relay-users"
    if node != "bridge" or (transport and version):
        return None
    if transport:
        return _transport(cells)
    return f"tor/version/{version}" if version else "tor/bridge-users"


def _transport(cells: Cells) -> str | None:
    name = cells["transport"].strip()
    return f"tor/transport/{name}" if name else None


_FORMS: Final = (
    _Form(
        "clients",
        _columns("date node country transport version clients"),
        _columns("date node country transport version lower upper clients frac"),
        _of_node,
        ("clients",),
    ),
    _Form(
        "combined",
        _columns("date country transport low high"),
        _columns("date country transport low high frac"),
        _transport,
        ("low", "high"),
    ),
    _Form(
        "relay",
        _columns("date country users lower upper"),
        _columns("date country users lower upper frac"),
        lambda _: "tor/relay-users",
        ("users",),
    ),
    _Form(
        "transport",
        _columns("date transport users frac"),
        _columns("date transport users frac"),
        _transport,
        ("users",),
    ),
    _Form(
        "bridge",
        _columns("date country users frac"),
        _columns("date country users frac"),
        lambda _: "tor/bridge-users",
        ("users",),
    ),
    _Form(
        "anomaly",
        _columns("date country actual_users event_censor"),
        _columns("date country event_censor event_spike max_user_range min_user_range actual_users"),
        lambda _: "tor/relay-users",
        ("actual_users",),
    ),
)


def form_of(columns: Sequence[str]) -> _Form | None:
    """Which of the tables has these columns; a first column without a name is one of row numbers."""
    named = frozenset(columns[1:] if columns and not columns[0] else columns)
    return next((form for form in _FORMS if form.needed <= named <= form.allowed), None)


class _At(NamedTuple):
    """Where what is read stands."""

    form: _Form
    date: int
    low: int  # of one value both are its place
    high: int
    frac: int  # -1: there is none
    names: tuple[str, ...]  # of the columns that tell series apart
    said: tuple[int, ...]  # and where these stand


def _at(columns: Sequence[str]) -> _At | None:
    form = form_of(columns)
    if form is None:
        return None
    names = tuple(name for name in ("country", "transport", "node", "version") if name in columns)
    date, low, high, frac = places(columns, "date", form.value[0], form.value[-1], "frac")
    return _At(form, date, low, high, frac, names, places(columns, *names))


def sniff(head: bytes) -> bool:
    """The head of one of the tables."""
    found = head_of(head)
    return found is not None and form_of(found.columns) is not None


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    """All users of one table."""
    del kit  # nothing of the reference data is needed
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    table = Table(reader)
    users = _Users(table, rows)
    for _ in users.rows():
        yield from rows.due()
        if users.gathered.waiting >= WINDOW:
            if users.shares_alone():
                break
            yield from users.gathered.settle()
    if users.shares_alone():
        table.problem = Bad("wrong_values", _FRAC_IS_USERS)
        while reader.read(BLOCK):  # the digest is that of the whole
            pass
    else:
        yield from users.gathered.settle()
    close(table, rows, opened.place)
    yield from rows.finish(reader.digest())


class _Users:
    def __init__(self, table: Table, rows: LevelRows) -> None:
        self._table, self._rows = table, rows
        self._met: dict[tuple[str, ...], Kept | Bad] = {}
        self._at: _At | None = None
        self._days: dict[str, int | Bad] = {}
        self.gathered = Gathered(rows)
        self._shares = self._users = 0  # rows whose value is their frac, and rows whose value is another

    def shares_alone(self) -> bool:
        """Is every value the share of its own row?"""
        return self._shares > 0 and not self._users

    def rows(self) -> Iterator[None]:
        """Keep the level of each row; a pause now and then."""
        for row in self._table.rows():
            head = self._table.head
            if self._at is None and head is not None:
                self._at = _at(head.columns)
                if self._at is None:
                    self._table.problem = Bad("unknown_format", "it has not the columns of a table of Tor users")
            if self._at is None:
                continue
            bad = row.bad or self._take(row, self._at)
            if bad is not None:
                self._rows.reject(row.line, bad.reason, bad.detail, row.raw or None)
            if not self._table.count % PAUSE:
                yield

    def _take(self, row: Row, at: _At) -> Bad | None:
        cells = row.cells
        text = cells[at.date]
        day = self._days.get(text)
        if day is None:
            if len(self._days) > _MOST_SERIES:
                self._days.clear()
            day = self._days[text] = _day(text)
        if isinstance(day, Bad):
            return day
        said = tuple([cells[i] for i in at.said])
        kept = self._met.get(said)
        if kept is None:
            if len(self._met) >= _MOST_SERIES:
                self._met.clear()
            kept = self._met[said] = self._meet(dict(zip(at.names, said, strict=True)), at.form)
        if isinstance(kept, Bad):
            return kept
        low, high = _number(cells[at.low]), _number(cells[at.high])
        frac = nan if at.frac < 0 else _number(cells[at.frac])
        for number, i in ((low, at.low), (high, at.high), (frac, at.frac)):
            if number is None or number < 0:
                return Bad("not_a_level", f"{cells[i].strip()[:40]!r} is no number from zero on")
        if low is None or high is None or frac is None:
            return None  # said above
        if low > high:
            return Bad("contradiction", f"the low value {low:g} is above the high one {high:g}")
        value = (low + high) / 2
        if value == frac and value <= 100:
            self._shares += 1
        elif value == value:
            self._users += 1
        kept.add(day, value, frac / 100, row.line)
        self.gathered.waiting += 1
        return None

    def _meet(self, cells: Cells, form: _Form) -> Kept | Bad:
        signal = form.signal(cells)
        if signal is None:
            return Bad("not_a_level", "the row names no transport, or nodes and versions that are not known here")
        if len(signal) > _LONGEST or not signal.isprintable() or " " in signal or "\ufffd" in signal:
            return Bad("not_a_level", f"{signal[:_LONGEST]!r} is no name of a signal")
        text = cells.get("country", "").strip()
        country = None if text in _WHOLE else country_of(text) if len(text) == 2 else None
        if country is None and text not in _WHOLE:
            return Bad("unknown_country", f"{text[:_LONGEST]!r} is not a country's code of two letters")
        if len(self.gathered) >= _MOST_SERIES:
            return Bad("too_many_series", f"there are more than {_MOST_SERIES} series in this file: divide it")
        return self.gathered.of(
            Signal(
                entity=country or _WHOLE[text],
                entity_kind="country",
                plane="usage",
                signal=signal,
                operator="tor",
                source="tor-metrics",
                step=_DAY,
                country=country,
                service="tor",
            )
        )


def _day(text: str) -> int | Bad:
    try:
        found = moment(text)
    except NotATime as problem:
        return Bad("not_a_time", str(problem))
    if found.utc.time() != found.utc.min.time():
        return Bad("not_a_time", f"{text.strip()[:40]!r} is not a day: users are counted by days")
    return micros(found.utc)


def _number(text: str) -> float | None:
    """NaN where there is no value, None where it is no number."""
    plain = text.strip().lower()
    if plain in NO_VALUE:
        return nan
    try:
        number = float(plain) if plain.isascii() and "_" not in plain else inf
    except ValueError:
        return None
    return number if -inf < number < inf else None


SOURCE: Final = SignalSource("tor_users", sniff, read)
