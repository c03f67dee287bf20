"""Law: one real happening is one row; what belongs to it, and what speaks against it, is said beside it."""

from __future__ import annotations

import click

from clampdown.cli.frame import common, open_frame, reference_option, store_option
from clampdown.cli.listing import narrower, options, write


@click.command("events")
@click.argument("country", metavar="[COUNTRY]", required=False)
@store_option
@narrower
@click.option("--direction", metavar="DIRECTION", help="Only block, or only unblock.")
@click.option("--members", is_flag=True, help="A row per change of one target on one network within the events.")
@options
@reference_option
@common
@click.pass_context
def command(
    context: click.Context,
    country: str | None,
    members: bool,
    form: str | None,
    output: str | None,
    **asked: str | None,
) -> None:
    """Say what happened: blocks and unblocks, one row each.

    The changes of one happening on many networks and targets are one event. Its id stays when more data comes; where
    it must split or merge, the new event names the one in whose place it stands. COUNTRY is a two-letter code.
    """
    name = "event_members" if members else "events"
    write(open_frame(context), name, form, output, {"country": country, **asked})
