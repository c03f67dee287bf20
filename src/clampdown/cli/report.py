"""Law: one question, three files that belong together: the page, its numbers, and all of their witnesses."""

from __future__ import annotations

from pathlib import Path

import click

from clampdown.cli.frame import common, open_frame, reference_option, store_option, write_file, write_stdout
from clampdown.cli.opening import open_reference, open_store
from clampdown.errors import UsageError


def beside(page: Path) -> tuple[Path, Path]:
    """Where the numbers and the witnesses of a page lie: report.html → report.json, witnesses.csv."""
    if not page.name or page.is_dir():
        raise UsageError(f"{str(page)!r} is a folder", hint="-o takes the page, such as -o report.html.")
    witnesses = "witnesses.csv" if page.stem == "report" else f"{page.stem}.witnesses.csv"
    return page.with_suffix(".json"), page.with_name(witnesses)


@click.command("report")
@click.argument("country", metavar="COUNTRY")
@store_option
@click.option("--since", metavar="TIME", help="From this time on (UTC); a date means its midnight.")
@click.option("--until", metavar="TIME", help="Before this time (UTC).")
@click.option("--target", metavar="TARGET", help="Only this target or platform, such as telegram/web or telegram.")
@click.option("--group", metavar="GROUP", help="Only this group, such as social, messaging or news.")
@click.option("--network", metavar="AS", help="Only this network, such as AS64500.")
@click.option(
    "-o", "--output", default="report.html", show_default=True, metavar="FILE", help="The page; - for stdout."
)
@reference_option
@common
@click.pass_context
def command(
    context: click.Context,
    country: str,
    since: str | None,
    until: str | None,
    target: str | None,
    group: str | None,
    network: str | None,
    output: str,
) -> None:
    """Write the page of evidence for a country.

    COUNTRY is a two-letter code, such as KE. Beside the page lie report.json, with every number's denominator and
    witnesses, and witnesses.csv, the whole list. The page makes no request and reads with scripts off.
    """
    frame = open_frame(context)
    page = Path(output)
    if output != "-":
        beside(page)  # a name that cannot be written is said before the work
    if target and group:
        raise UsageError("--target and --group exclude each other", hint="A target is narrower than a group.")
    from clampdown.pipeline.answers import report

    paper = report(
        open_store(frame),
        country,
        since=since,
        until=until,
        target=target,
        group=group,
        network=network,
        reference=open_reference(frame),
    )
    if paper.stale:
        given = f" --reference {frame.settings.reference}" if frame.settings.reference else ""
        frame.notes.warn(
            f"{len(paper.stale):,} days were judged with other rules or reference data, or not yet: "
            f"clampdown judge --store {frame.store()}{given}",
            days=paper.stale,
        )
    if output == "-":
        write_stdout(paper.html)
        return
    numbers, witnesses = beside(page)
    if numbers == page:
        raise UsageError("the page cannot be named .json", hint="-o takes the page, such as -o report.html.")
    for path, data in ((page, paper.html), (numbers, paper.json), (witnesses, paper.witnesses)):
        write_file(path, data)
    frame.notes.note(f"wrote {page}, {numbers} and {witnesses}")
