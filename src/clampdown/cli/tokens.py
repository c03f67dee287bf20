"""Law: a token is read where its service asks for one, at most once in a run, and shown to nobody.

It comes from a file or the environment, and goes nowhere but to its service.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from clampdown.cli.frame import Frame
from clampdown.errors import InputError
from clampdown.fetch.known import known
from clampdown.fetch.wanted import Secret, Service

_MOST: Final = 1 << 16  # bytes of a file that are looked at
_HINT: Final = "It is one line, with nothing but the token: docs/sources.md says where to get one."


class Tokens:
    """The tokens of one run."""

    def __init__(self, frame: Frame, environment: Mapping[str, str] | None = None) -> None:
        self._frame = frame
        self._environment = os.environ if environment is None else environment
        self._file: Secret | InputError | None = None  # a pipe can be read once

    def of(self, service: Service) -> Secret | None:
        """The service's token: the file's first line, else what the environment holds; None where it needs none."""
        if "token" not in service.needs:
            return None
        file = self._frame.settings.token_file
        if file is None:
            return self._of_environment(service)
        if self._file is None:
            try:
                self._file = self._of_file(file)
            except InputError as fault:
                self._file = fault
        if isinstance(self._file, InputError):
            fault = self._file
            raise InputError(fault.what, where=fault.where, hint=fault.hint)
        return self._file

    def _of_file(self, name: str) -> Secret:
        try:
            with Path(name).open("rb") as file:
                text = file.read(_MOST).decode("utf-8-sig").strip()
                mode = os.fstat(file.fileno()).st_mode
        except (OSError, UnicodeDecodeError) as fault:
            why = f": {fault.strerror}" if isinstance(fault, OSError) else ", it is no text"
            hint = f"Name the file that holds it (token_file, --token-file). {_HINT}"
            raise InputError(f"the file with the token cannot be read{why}", where=name, hint=hint) from None
        made = _secret(text.split("\n")[0].strip())
        if made is None:
            raise InputError("the file holds no token", where=name, hint=_HINT)
        if os.name == "posix" and stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
            self._frame.notes.warn(f"others on this machine can read the token: chmod 600 {shlex.quote(name)}")
        return made

    def _of_environment(self, service: Service) -> Secret | None:
        for name in known(service.name).token:
            if text := self._environment.get(name, "").strip():
                made = _secret(text)
                if made is None:
                    raise InputError("the variable holds no token", where=name, hint=_HINT)
                return made
        return None


def _secret(text: str) -> Secret | None:
    """A token goes into one header: visible ASCII, in one piece."""
    return Secret(text) if text and all("!" <= c <= "~" for c in text) else None
