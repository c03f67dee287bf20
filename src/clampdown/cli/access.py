"""Law: what is said of ways through goes out with its warning, and what nobody tried goes out as untested."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from clampdown.cli import access_days, access_feed
from clampdown.cli.frame import Frame, common, open_frame, reference_option, store_option
from clampdown.cli.listing import send
from clampdown.cli.opening import open_reference, open_store, say_stale
from clampdown.errors import UsageError

if TYPE_CHECKING:
    from clampdown.assess.ways import Access

FORMS = ("table", "jsonl", "html")
LANGUAGES = ("en", "fa")  # those of publish/words/ways_page.py, which is not read for --help


@click.command("access")
@click.argument("country", metavar="[COUNTRY]", required=False)
@store_option
@click.option("--network", metavar="AS", help="Only this network, such as AS64500, beside the country.")
@click.option("--at", metavar="DATE", help="At the end of this day (UTC); default: the newest day with data.")
@click.option("--format", "form", type=click.Choice(FORMS), help="Default: a table on a terminal, else jsonl.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Of --format html: of the page. Default: en.")
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of stdout.")
@access_feed.options
@reference_option
@common
@click.pass_context
def command(
    context: click.Context,
    country: str | None,
    network: str | None,
    at: str | None,
    form: str | None,
    language: str | None,
    output: str | None,
    **of_feed: Any,
) -> None:
    """Say which ways through work where, and which nobody tried.

    Tools for circumvention, private networks, messengers and encrypted DNS, each by its ways (Tor: without a bridge,
    obfs4, Snowflake ...), for the country and for each network with tests. COUNTRY is a two-letter code. Using or
    testing such tools can be visible to those who watch the network, and may be punished. With -v each row of a table
    is followed by its sentence.
    """
    frame = open_frame(context)
    others = bool(network or form or output or language)
    stored = context.get_parameter_source("store") is click.core.ParameterSource.COMMANDLINE
    if access_feed.done(frame, country, at=at, others=others, stored=stored, **of_feed):
        return
    if country is None:
        raise UsageError("no country is named", hint="Name one, such as IR; every one at once is --feed DIR.")
    form = form or ("table" if output is None and sys.stdout.isatty() else "jsonl")
    _fitting(form, language, output)
    from clampdown.pipeline.access import access
    from clampdown.publish import ways
    from clampdown.publish.table import attribution
    from clampdown.publish.words import ways as words

    access_days.apart(frame, output)
    store, reference = open_store(frame), open_reference(frame)
    access_days.within(store, country, at)
    made = access(store, country, network=network, at=at, reference=reference)
    say_stale(frame, store, reference, detected=True)
    _say_findings(frame, store.manifest().detected is not None, stale=store.stale_detection())
    send(output, _chunks(made, form, language or LANGUAGES[0], sentences=bool(frame.settings.verbose)))
    frame.notes.note(words.WARNING)
    for remark in words.REMARKS:
        frame.notes.note(remark)
    if output is not None or form != "table":
        for note in attribution(ways.terms_of(made)):
            frame.notes.note(note)


def _fitting(form: str, language: str | None, output: str | None) -> None:
    """Is what is asked for one thing?"""
    if language is not None and form != "html":
        raise UsageError("only the page is in a language that can be chosen", hint="Add --format html.")
    if form != "html" and output is not None and output.lower().endswith((".html", ".htm")):
        raise UsageError(f"{output!r} is named as a page and would hold {form}", hint="Add --format html.")


def _chunks(made: Access, form: str, language: str, *, sentences: bool) -> Iterator[bytes]:
    from clampdown.publish import ways

    if form == "html":
        from clampdown.publish.ways_page import page

        return iter((page(ways.passed_on(made), language),))
    if form == "jsonl":
        return ways.jsonl(made)
    width = shutil.get_terminal_size((120, 24)).columns
    return (f"{line}\n".encode("utf-8", "replace") for line in ways.text(made, width, sentences=sentences))


def _say_findings(frame: Frame, made: bool, *, stale: bool) -> None:
    """Since when it is so comes from the findings."""
    if not made:
        frame.notes.note(f"since when is not said, as nothing was detected: clampdown detect --store {frame.store()}")
    elif stale:
        frame.notes.warn(f"days have changed since this was detected: clampdown detect --store {frame.store()}")
