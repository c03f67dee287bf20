"""Law: a question that does not fit its service is told by the word that is at fault, before anything is asked.

A word that a service has no use for is a fault too: left unsaid, a person would take the answer for a choice of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from clampdown.errors import Error, UsageError
from clampdown.fetch.bucket import folder_of
from clampdown.fetch.known import known
from clampdown.fetch.wanted import Asked, Service

if TYPE_CHECKING:
    from clampdown.fetch.client import Client

_NAMED: Final = {"networks": "a network", "tests": "a test"}  # words of a question, and how one of them is called


class Misfit(UsageError):
    """The question does not fit; `word` is the field of `Asked` that is at fault."""

    def __init__(self, what: str, *, word: str = "", where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.word = word


def check(service: Service, asked: Asked) -> None:
    """Does the question fit the service? What it says holds whatever the time is, but for a period to come."""
    for fault in _misfits(service, asked):
        raise fault
    if asked.since >= asked.now:
        raise Misfit("the period lies in the future", word="since", hint="Nothing of it can be there yet.")
    if asked.since >= asked.until:
        hint = "`until` is the first moment that is not asked for any more."
        raise Misfit("the period is empty", word="until", hint=hint)


def has_token(service: Service, asked: Asked) -> None:
    """A service that needs a token is not asked without one."""
    if "token" in service.needs and asked.token is None:
        hint = "Ask the service for one, and put it into a file (--token-file) or the environment: docs/sources.md"
        raise UsageError(f"{service.name} wants a token", hint=hint)


def rehearse(service: Service, asked: Asked) -> None:
    """What `plan` would refuse before its first request: values of options, above all. Nothing is asked."""
    for fault in _misfits(service, asked):
        raise fault
    if asked.base is not None and folder_of(asked.base) is not None and known(service.name).kind == "archive":
        asked = replace(asked, base=None)  # the folder would be read
    try:
        next(service.plan(asked, cast("Client", _Silent())), None)
    except _Silence:
        pass
    except UsageError:
        raise
    except Error:
        pass  # it is met, and told, when the question is asked


def _misfits(service: Service, asked: Asked) -> Iterator[Misfit]:
    if "country" in service.needs and asked.country is None:
        hint = f"Say it after the service: clampdown fetch {service.name} IR."
        yield Misfit("no country is named", word="country", hint=hint)
    for word, named in _NAMED.items():
        if getattr(asked, word) and word not in service.takes:
            hint = service.instead.get(word, "Leave it out: it would choose nothing.")
            yield Misfit(f"{service.name} cannot be asked for {named}", word=word, hint=hint)
    for name in asked.options:
        if name not in service.options:
            listed = ", ".join(sorted(service.options)) or "none"
            yield Misfit(f"{service.name} has no option {name!r}", word="options", hint=f"Options: {listed}.")


class _Silence(Exception):
    """A request would have been made."""


class _Silent:
    """In place of a client, where none may be used."""

    def __getattr__(self, name: str) -> Any:
        return self._stop

    def _stop(self, *_: object, **__: object) -> NoReturn:
        raise _Silence
