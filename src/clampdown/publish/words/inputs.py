"""Law: the page says whose measurements it rests on, what became of each, and what may be done with it."""

from __future__ import annotations

from typing import Final

from clampdown.assess.document import Report, Source
from clampdown.model import Terms
from clampdown.publish import numbers as num
from clampdown.publish import words

NO_WORLD: Final = (
    "The reference data of the synthetic world are missing: its certificates and addresses were judged by those of the "
    "real one, so what follows says nothing. Ingest and judge it with the reference that lies beside the archive."
)


def no_world(report: Report) -> str:
    """Made-up records that were judged by the certificates and addresses of the real world say nothing."""
    return "" if any(each.kind == "synthetic" for each in report.inputs.snapshots) else NO_WORLD


def beyond(report: Report) -> str:
    """Why the sources hold more measurements than the head of the page counts."""
    held = sum(each.measurements for each in report.inputs.sources)
    if (rest := held - report.measurements) <= 0:
        return ""
    why = [
        f"all their verdicts are left out (see “{words.SECTION['silence']}”; a measurement may have several verdicts)"
    ]
    if report.question.since:
        why.append("they lie in the days before the period, which only say how many vantage points are usual")
    if report.question.target or report.question.group or report.question.network:
        why.append("they are about something that was not asked")
    return (
        f"Of these {num.plural(held, 'measurement')} {num.count(report.measurements)} count above. "
        f"The other {num.count(rest)} do not: {num.listed(why, 'or')}."
    )


def source(each: Source) -> str:
    files = f" in {num.plural(each.files, 'file')}" if each.files is not None else ""
    return f"{each.terms.attribution}: {num.plural(each.measurements, 'measurement')}{files}. {each.terms.licence}."


def terms(strictest: Terms) -> str:
    meaning = {
        "yes": "may be passed on",
        "share-alike": "may be passed on under the same terms",
        "non-commercial": "may be passed on for non-commercial use",
        "no": "must not be passed on",
    }
    said = meaning.get(strictest.redistribute, "is under terms that are not known here")
    return f"What is taken from this page {said} ({strictest.licence}), with the attribution above."


def snapshots(report: Report) -> str:
    return f"{num.plural(len(report.inputs.snapshots), 'file')} of reference data"
