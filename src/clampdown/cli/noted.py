"""Law: what changed without being policy stands on a list of its own, and is neither a finding nor lost."""

from __future__ import annotations

import click

from clampdown.cli.frame import common, open_frame, reference_option, store_option
from clampdown.cli.listing import options, write


@click.command("notes")
@click.argument("country", metavar="[COUNTRY]", required=False)
@store_option
@options
@reference_option
@common
@click.pass_context
def command(
    context: click.Context, country: str | None, form: str | None, output: str | None, **asked: str | None
) -> None:
    """Say what changed and is no policy: instruments, sites that were down, measurements that stopped.

    COUNTRY is a two-letter code; notes on several countries, or on none, are shown with it.
    """
    write(open_frame(context), "notes", form, output, {"country": country, **asked})
