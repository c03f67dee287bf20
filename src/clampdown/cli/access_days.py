"""Law: a day of which the store can say nothing is refused, and the days that it holds are named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from clampdown.cli.frame import Frame
from clampdown.errors import InputError, UsageError

if TYPE_CHECKING:
    from clampdown.store.store import Store


def today() -> str:
    """The day that it is (UTC)."""
    return datetime.now(UTC).date().isoformat()


def within(store: Store, country: str | None, at: str | None) -> None:
    """Refuse a day before the first that the store holds, and one to come of which no window reaches its days."""
    if at is None:
        return
    from clampdown.assess.reach import load_limits
    from clampdown.pipeline.access import held_days
    from clampdown.store.store import country_code, moment

    asked = moment(at)
    span = held_days(store, country)
    if asked is None or span is None:
        return  # the answer itself says that there is nothing
    first, newest = span
    day = asked.date().isoformat()
    reach = (date.fromisoformat(newest) + timedelta(days=load_limits().window_days)).isoformat()
    if first <= day and not (day > reach and day > today()):
        return
    whose = "its countries" if country is None else country_code(country)
    why = f"{day} has not come yet" if day > today() else f"{day} is before the first day"
    text = f"{why}: the store holds {whose} from {first} to {newest}"
    raise InputError(text, where=store.name, hint="Name one of these days with --at, or leave it out for the newest.")


def come(as_of: str, at: str | None) -> None:
    """Refuse a feed of a day to come."""
    if as_of <= today():
        return
    if at is not None:
        raise UsageError(f"{as_of} has not come yet", hint="Name a day that is over with --at.")
    text = f"the newest day of the store, {as_of}, has not come yet"
    raise UsageError(text, hint="Name the day with --at: one clock that is wrong must not make the others old.")


def folder_of_store(frame: Frame) -> Path | None:
    """Where the store lies on this machine, if it does."""
    from clampdown.store.access import address_of, is_address

    address = address_of(frame.store())
    return None if is_address(address) else Path(address)


def apart(frame: Frame, file: str | None) -> None:
    """Refuse to write into the folder of the store: what lies there is the store's."""
    folder = None if file is None else folder_of_store(frame)
    if file is not None and folder is not None and Path(file).resolve().is_relative_to(folder.resolve()):
        raise UsageError("this lies in the store, which holds its own files only", where=file, hint="Name another.")


__all__ = ["apart", "come", "folder_of_store", "today", "within"]
