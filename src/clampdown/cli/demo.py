"""Law: the demo is the river itself on a made-up country, with what was found beside what was scripted."""

from __future__ import annotations

from pathlib import Path

import click

from clampdown.cli.frame import common, open_frame, write_stdout
from clampdown.cli.opening import workers_option
from clampdown.errors import CheckFailed

TITLES = {
    "archive": "making a synthetic archive",
    "ingest": "reading and judging it",
    "detect": "finding events and outages in it",
    "report": "writing the pages",
    "compare": "laying what was found beside what was scripted",
}


@click.command("demo")
@click.option("--out", default="demo", show_default=True, metavar="DIR", help="A new folder, or that of a demo.")
@click.option("--size", type=click.Choice(["small", "medium"]), default="medium", show_default=True)
@workers_option
@common
@click.pass_context
def command(context: click.Context, out: str, size: str) -> None:
    """Run everything on a synthetic country with known truth.

    Makes an archive of the fictional country XA in OONI's formats, with signals of its connectivity, reads and judges
    it, detects events and outages, writes DIR/report.html, and the page of ways through in two languages (access.html,
    access.fa.html), and prints what was found beside what was scripted: per
    target, network and day, per event, and per outage. Exit code 1: an outage was not found as it was scripted.
    """
    frame = open_frame(context)
    from clampdown.demo.run import run_demo

    with frame.notes.progress("demo") as tell:
        made = run_demo(
            Path(out),
            size,
            tell,
            stage=lambda name: frame.notes.note(f"demo: {TITLES.get(name, name)}", stage=name),
            workers=frame.settings.workers,
        )
    write_stdout(made.text().encode())
    frame.notes.note(f"which ways through work there: {Path(out) / 'access.html'}, in Persian access.fa.html")
    frame.notes.note(f"open {Path(out) / 'report.html'}", files=[str(path) for path in made.files])
    if made.problems:
        raise CheckFailed(
            f"{len(made.problems)} outages or notes are not as scripted", where=out, hint="See the last lines above."
        )
