"""Law: every command has the same manners: the same common flags, one settings record, one way to fail.

A command is words around one call of the public API. What goes wrong leaves as one of five exit codes and never as
a traceback: a fault of Clampdown itself (70) names the place in the code, but no value, since values are records.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click
from click.core import ParameterSource
from click.exceptions import NoArgsIsHelpError

from clampdown.cli.notes import Notes
from clampdown.cli.settings import Settings, resolve
from clampdown.errors import EnvironmentFault, Error, InputError, UsageError

DONE, NO, USAGE, BUG, INTERRUPTED = 0, 1, 2, 70, 130
CONFIG: Final = "clampdown.toml"
_FLAGS: Final = "clampdown.flags"
_asked_to_stop = threading.Event()
C = TypeVar("C", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Frame:
    """What a command works in."""

    settings: Settings
    notes: Notes

    def store(self) -> str:
        """The store's folder; a command that needs one says so."""
        if self.settings.store is None:
            raise UsageError("no store is named", hint="Add --store DIR, or set CLAMPDOWN_STORE.")
        return self.settings.store


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    # Counters and switches have a value without being given; only what was said beats the environment.
    if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
        context.meta.setdefault(_FLAGS, {})[parameter.name] = value


def setting(*names: str, **words: Any) -> Callable[[C], C]:
    """An option whose value is a setting: it lands in the record, not in the command's arguments."""
    return click.option(*names, expose_value=False, callback=_keep, default=None, **words)


def common(command: C) -> C:
    """The flags that every command has."""
    for option in (
        setting("--config", metavar="FILE", help=f"Settings file (default: {CONFIG} in this folder, if there is one)."),
        setting("--log-format", type=click.Choice(["text", "json"]), help="How stderr speaks."),
        setting("--verbose", "-v", type=click.IntRange(0), count=True, help="Say more; -vv names where a fault was."),
        setting("--quiet", "-q", is_flag=True, flag_value=True, help="Errors only."),
    ):
        command = option(command)
    return command


store_option = setting("--store", metavar="DIR", help="Folder of the store, or s3://bucket/prefix.")
reference_option = setting("--reference", metavar="DIR", help="Folder of further reference data.")


def limit_options(command: C) -> C:
    """The limits on what strangers' files may ask of this machine."""
    for name, text in (
        ("members", "Members of one tar."),
        ("expansion-floor", "Expanded bytes from which the ratio counts (1G)."),
        ("expansion", "Expanded : packed (200)."),
        ("nesting", "Levels inside one record (200)."),
        ("record", "Bytes of one record (64M)."),
    ):
        command = setting(f"--limit-{name}", metavar="N", help=text)(command)
    return command


def open_frame(context: click.Context) -> Frame:
    """Settings from flags, environment and file; notes to match."""
    flags: dict[str, object] = dict(context.meta.get(_FLAGS, {}))
    named = flags.pop("config", None) or os.environ.get("CLAMPDOWN_CONFIG")
    file = Path(str(named or CONFIG))
    data = None
    if named is not None or file.is_file():
        try:
            data = file.read_bytes()
        except OSError as fault:
            raise InputError(f"cannot be read: {fault.strerror}", where=str(file)) from None
    settings = resolve(flags, os.environ, data, str(file))
    return Frame(settings, Notes(settings.log_format, quiet=settings.quiet, verbose=settings.verbose))


def settings_file(context: click.Context) -> tuple[str, bytes]:
    """The settings file's name and bytes; an error where there is none."""
    flags: dict[str, object] = context.meta.get(_FLAGS, {})
    file = Path(str(flags.get("config") or os.environ.get("CLAMPDOWN_CONFIG") or CONFIG))
    try:
        return str(file), file.read_bytes()
    except OSError as fault:
        hint = "clampdown init writes one."
        raise InputError(f"cannot be read: {fault.strerror}", where=str(file), hint=hint) from None


def write_file(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write an output beside the store, in one piece or several: whole or not at all."""
    if not path.name or path.is_dir():
        raise EnvironmentFault("cannot be written: it is a folder", where=str(path))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A pipe or a device (/dev/null) takes the bytes itself: a file put in its place would end it for everybody.
        aside = not path.exists() or path.is_file()
        with (part if aside else path).open("wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
        if aside:
            part.replace(path)
    except (FileExistsError, NotADirectoryError):
        raise EnvironmentFault("cannot be written: a file stands where a folder is needed", where=str(path)) from None
    except OSError as fault:
        with suppress(OSError):
            part.unlink()
        raise EnvironmentFault(f"cannot be written: {fault.strerror}", where=str(path)) from None


def write_stdout(data: bytes) -> None:
    """Data to stdout, and nothing but data."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as fault:
        raise EnvironmentFault(f"cannot be written: {fault.strerror}", where="stdout") from None


def open_streams() -> None:
    """A stream that was closed must not lend its number to a file that is opened later: that would be written over."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if getattr(sys, "stderr", None) is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for as long as the program runs


def heed_interruption() -> None:
    """Remember that Ctrl-C was pressed: a library that is just then loaded, or asked, may make a fault of its own of
    the `KeyboardInterrupt` that it meets. A program that was started to ignore Ctrl-C goes on ignoring it."""

    def stop(_signal: int, _frame: object) -> NoReturn:
        _asked_to_stop.set()
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop)


def _interrupted(words: list[str], notes: Notes) -> int:
    goes_on = {"ingest", "fetch"} & set(words)
    kept = "; what was committed is kept, and the same command finishes the rest" if goes_on else ""
    notes.error(f"interrupted{kept}", exit_code=INTERRUPTED)
    return INTERRUPTED


def _early_notes(words: list[str], environment: Mapping[str, str]) -> Notes:
    """Notes for a fault that came before the settings were known."""
    text = " ".join(words)
    wants = "--log-format json" in text or "--log-format=json" in text
    wants = wants or ("--log-format" not in text and environment.get("CLAMPDOWN_LOG_FORMAT") == "json")
    deep = sum(w == "--verbose" or (w[:1] == "-" and set(w[1:]) == {"v"} and len(w) - 1) for w in words)
    return Notes("json" if wants else "text", verbose=deep)


def _place(fault: BaseException) -> str:
    """The innermost line of our own code that the fault passed."""
    frames = traceback.extract_tb(fault.__traceback__)
    home = str(Path(__file__).resolve().parent.parent)
    own = [f for f in frames if f.filename.startswith(home)] or list(frames)
    return f"{Path(own[-1].filename).name}:{own[-1].lineno} in {own[-1].name}" if own else "an unknown place"


def _bug(fault: BaseException, notes: Notes) -> int:
    text = (
        f"a fault in Clampdown itself: {type(fault).__name__} at {_place(fault)}. What was committed is kept. "
        "Please report this line and the command; add -vv to see the way there (it may show parts of a record)"
    )
    notes.error(text, exit_code=BUG)
    if notes.verbose > 1:
        traceback.print_exception(fault, file=sys.stderr)
    return BUG


def _quiet_stdout() -> None:
    """Nobody takes our output any more: keep the interpreter from complaining about it at the end."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(group: click.Command, words: list[str]) -> int:
    """Run one command; its exit code."""
    notes = _early_notes(words, os.environ)
    if getattr(sys, "stdout", None) is None:
        notes.error(EnvironmentFault("it is closed", where="stdout", hint="Redirect it to a file, or to /dev/null."))
        return USAGE
    try:
        # Not group.main(): it has endings of its own for a closed pipe and for no words at all.
        with group.make_context("clampdown", list(words)) as context:
            result: object = group.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except NoArgsIsHelpError as fault:
        click.echo(fault.format_message(), err=True)
        return USAGE
    except click.UsageError as fault:
        where = f". Try: {fault.ctx.command_path} --help" if fault.ctx else ""
        text = " ".join(fault.format_message().split())  # a list of choices comes with a line for each
        notes.error(f"{text.rstrip('.')}{where}", exit_code=USAGE)
        return USAGE
    except click.ClickException as fault:
        notes.error(fault.format_message(), exit_code=USAGE)
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        return _interrupted(words, notes)
    except BrokenPipeError:
        _quiet_stdout()
        return DONE
    except Error as fault:
        if fault.where == "stdout":
            _quiet_stdout()
        notes.error(fault, exit_code=fault.exit_code)
        return fault.exit_code
    except MemoryError:
        notes.error("this machine has not enough memory for it. Try fewer --workers", exit_code=USAGE)
        return USAGE
    except OSError as fault:
        where = str(fault.filename) if fault.filename else None
        notes.error(EnvironmentFault(fault.strerror or type(fault).__name__, where=where))
        return USAGE
    except Exception as fault:
        return _interrupted(words, notes) if _asked_to_stop.is_set() else _bug(fault, notes)
    return result if isinstance(result, int) else DONE
