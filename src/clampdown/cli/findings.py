"""Law: every finding is said with its bracket, its count and its doubt; what works and what is unknown are said too."""

from __future__ import annotations

import click

from clampdown.cli.frame import common, open_frame, reference_option, store_option
from clampdown.cli.listing import narrower, options, write


@click.command("findings")
@click.argument("country", metavar="[COUNTRY]", required=False)
@store_option
@narrower
@click.option("--state", metavar="STATE", help="Only this state: blocked, throttled, ok, insufficient, ...")
@options
@reference_option
@common
@click.pass_context
def command(
    context: click.Context, country: str | None, form: str | None, output: str | None, **asked: str | None
) -> None:
    """Say what is blocked where, since when, and how well that is known.

    One row per target and network, and one per target and country, which says on how many networks with data. COUNTRY
    is a two-letter code. With -v each row of a table is followed by its sentence. Where a network has few vantage
    points, days are shown and not times.
    """
    write(open_frame(context), "findings", form, output, {"country": country, **asked})
