"""Law: the country that a person names reaches only files that need it; the same file of another country is another.

What was read as a country's is known as such from then on: named again without the country it is the same input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from clampdown.errors import UsageError
from clampdown.intake.containers import Limits, Opened, Raw, records
from clampdown.pipeline import observe
from clampdown.pipeline.inputs import Input, key_of, key_with, open_input
from clampdown.reference.countries import country_of
from clampdown.store.manifest import Manifest
from clampdown.store.store import country_code


def country_said(text: str) -> str:
    """A country's code, as a person says it."""
    found = country_of(country_code(text))
    if found is None:
        raise UsageError(f"{text!r} is the code of no country", hint="Say two letters, such as KE (ISO 3166).")
    return found


def keyed(inputs: Iterable[Input], manifest: Manifest, of: str | None, limits: Limits) -> Iterator[tuple[str, Input]]:
    """Every input with its key, and with its country where it needs one."""
    for one in inputs:
        key = key_of(one)
        if one.of is not None:  # a mending knows it already
            yield key, one
        elif of is not None:
            yield (key_with(key, of), replace(one, of=of)) if needs_place(one, limits) else (key, one)
        else:
            earlier = {} if key in manifest.inputs else placed({key: one}, manifest, lost=False)
            earlier.pop(key, None)
            yield from earlier.items() if earlier else ((key, one),)


def placed(given: Mapping[str, Input], manifest: Manifest, *, lost: bool = True) -> dict[str, Input]:
    """The given files by their keys, and once more as each of the countries that the store has read them as."""
    known = {key: one.of for key, one in manifest.inputs.items() if one.of is not None}
    if lost:
        known |= {key: one.of for key, one in manifest.lost.items() if one.of is not None}
    made = dict(given)
    for key, one in given.items():
        for of in sorted(set(known.values())):
            if (other := key_with(key, of)) in known:
                made[other] = replace(one, of=of)
    return made


def needs_place(one: Input, limits: Limits) -> bool:
    """Does the file, or a member of the archive, come from a source whose files name no country?"""
    placeless = {source.name for source in observe.SIGNALS if source.placeless}
    with open_input(one) as file:
        for found in records(file, one.name, limits, observe.SIGNALS):
            if isinstance(found, Opened) and found.source in placeless:
                return True
            if isinstance(found, Opened | Raw) and _member(found) is None:
                return False  # a file by itself is all of one kind
    return False


def _member(found: Opened | Raw) -> str | None:
    return found.place.member if isinstance(found, Opened) else found.member
