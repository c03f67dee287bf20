"""Law: words in, one call of the public API, text out; nothing is decided here.

Nothing heavy is imported before a command runs: `clampdown --help` answers at once.
"""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from typing import Any, Final, NoReturn

try:
    import click

    from clampdown.cli.frame import common, heed_interruption, open_streams, run
except KeyboardInterrupt:  # so early that no command could catch it; nothing was begun
    sys.exit(130)

# Verb → its file and the line that `--help` shows, in the order of the work.
VERBS: Final[dict[str, str]] = {
    "fetch": "Bring public data of a country and a period into a store.",
    "update": "Bring reference data up to date, pinned by digest.",
    "ingest": "Read measurement files and signals into a store.",
    "judge": "Judge measurement files, or what a store holds.",
    "show": "Explain one measurement to a person.",
    "detect": "Turn what a store's days say into findings, events and outages.",
    "findings": "Say what is blocked where, since when, and how well that is known.",
    "events": "Say what happened: blocks and unblocks, one row each.",
    "outages": "Say when the network was cut, on which planes, and how well that is known.",
    "access": "Say which ways through work where, and which nobody tried.",
    "notes": "Say what changed and is no policy.",
    "watch": "Say what is new, ended or revised since a run of detect.",
    "rank": "Say how countries compare in what was measured of them.",
    "report": "Write the page of evidence for a country.",
    "verify": "Recompute every number of a report, or check a feed.",
    "export": "Hand out a table as Parquet, CSV or JSON lines.",
    "status": "Say what a store holds, what of it is missing, and how old it is.",
    "forget": "Remove old days from a store, and their files.",
    "doctor": "Check a store and its files, and mend what can be mended.",
    "init": "Write a commented settings file.",
    "demo": "Run everything on a synthetic country with known truth.",
}
# `cli/notes.py` is how every command speaks on stderr.
_FILES: Final = {"notes": "noted"}


class Verbs(click.Group):
    """Commands that are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        return importlib.import_module(f"clampdown.cli.{_FILES.get(cmd_name, cmd_name)}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


def _version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"clampdown {version('clampdown')}")
        context.exit()


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Say the version.")
@common
def group(**_: Any) -> None:
    """From raw network measurement files to a page of evidence.

    stdout carries data only; notes and errors go to stderr. Exit codes: 0 done, 1 a check said no, 2 usage, input or
    environment, 70 a fault in Clampdown, 130 interrupted. Settings: flags, then CLAMPDOWN_*, then clampdown.toml.
    """


def main(words: list[str] | None = None) -> NoReturn:
    """The program `clampdown`. All is written and closed when `run` comes back, so it leaves at once: Arrow's threads
    have been seen to abort a process that had succeeded, when they wanted the interpreter while it was taken down."""
    open_streams()
    heed_interruption()
    code = run(group, sys.argv[1:] if words is None else words)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
