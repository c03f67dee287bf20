"""Law: one measurement, told to a person; what speaks against the verdict is told as well."""

from __future__ import annotations

import json

import click

from clampdown.cli.frame import common, open_frame, store_option, write_stdout
from clampdown.cli.opening import open_store, say_stale

EXPLORER = "https://explorer.ooni.org/m/"


@click.command("show")
@click.argument("measurement", metavar="MEASUREMENT")
@store_option
@click.option("--json", "as_json", is_flag=True, help="The same as one JSON object.")
@common
@click.pass_context
def command(context: click.Context, measurement: str, as_json: bool) -> None:
    """Explain one measurement to a person.

    MEASUREMENT is an id, or the address of a measurement in OONI Explorer.

    What was tried, what came back, what the control saw, which rules fired and why, what speaks against it.
    """
    frame = open_frame(context)
    # What a page links to may be given as it is.
    measurement = measurement.strip().removeprefix(EXPLORER).partition("?")[0]
    from clampdown.pipeline.answers import show
    from clampdown.publish.show import as_dict, as_text

    store = open_store(frame)
    shown = show(store, measurement)
    say_stale(frame, store, None)
    text = json.dumps(as_dict(shown), indent=2, ensure_ascii=False) + "\n" if as_json else as_text(shown)
    write_stdout(text.encode("utf-8", "replace"))
