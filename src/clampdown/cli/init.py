"""Law: a settings file is written once, with every setting in it and its default; nothing is ever written over."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from clampdown.cli.frame import CONFIG, common, open_frame
from clampdown.errors import EnvironmentFault, UsageError


def template() -> bytes:
    """The commented file."""
    return (resources.files("clampdown.cli") / "clampdown.toml").read_bytes()


@click.command("init")
@click.argument("file", metavar="[FILE]", default=CONFIG)
@common
@click.pass_context
def command(context: click.Context, file: str) -> None:
    """Write a commented settings file.

    FILE is clampdown.toml unless it is named. Every setting is in it with its default, and an example of a job. A file
    that is there already stays as it is.
    """
    frame = open_frame(context)
    path = Path(file)
    try:
        with path.open("xb") as made:
            made.write(template())
    except FileExistsError:
        raise UsageError("it is there already, and stays as it is", where=file, hint="Name another file.") from None
    except OSError as fault:
        raise EnvironmentFault(f"cannot be written: {fault.strerror}", where=file) from None
    frame.notes.note(f"{file} is written; docs/daily.md says how to run it every day")
