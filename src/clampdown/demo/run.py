"""Law: the demo is the whole river on a world whose truth is known: archive, store, events, page, and the truth."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clampdown.demo.archive import SIZES, Written, make_archive
from clampdown.demo.compare import Comparison, compare
from clampdown.demo.courses import told
from clampdown.demo.cuts import load_signals
from clampdown.demo.events import EventComparison, compare_events
from clampdown.demo.outages import OutageComparison, compare_outages
from clampdown.demo.reference import reference_files
from clampdown.demo.script import load_script
from clampdown.demo.signals import make_signals
from clampdown.errors import UsageError
from clampdown.pipeline import Progress, Summary, ingest, open_storage
from clampdown.pipeline.access import access
from clampdown.pipeline.answers import report
from clampdown.pipeline.detecting import detect
from clampdown.publish import ways_page
from clampdown.reference import load_reference
from clampdown.store.storage import LocalStorage

COUNTRY: Final = "XA"
_OWN: Final = (
    "archive",
    "signals",
    "reference",
    "store",
    "report.html",
    "access.html",
    "access.fa.html",
    "report.json",
    "witnesses.csv",
    "comparison.csv",
    "events.csv",
    "outages.csv",
)
_MARKS: Final = ("archive/SYNTHETIC.txt", "signals/SYNTHETIC.txt")
_SAID: Final = (
    "Everything below this folder is synthetic: made by `clampdown demo` for a fictional country.\n"
    "Nobody measured anything, and nothing in it says anything about any real network.\n"
)
Stage = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """What the demo made and found."""

    folder: Path
    size: str
    written: Written
    summary: Summary
    comparison: Comparison
    events: EventComparison
    outages: OutageComparison
    files: tuple[Path, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Outages that are not as scripted: a demo with any of them has failed."""
        return self.outages.problems

    def text(self) -> str:
        """For a person at a terminal."""
        counts, total = self.comparison, len(self.comparison.rows)
        lines = [
            *told(counts.rows),
            "",
            f"{'scripted':<12}{'right':>8}{'wrong':>8}{'silent':>8}   per target, network and day",
            *(
                f"{state:<12}{n['right']:>8,}{n['wrong']:>8,}{n['silent']:>8,}"
                for state, n in counts.by_state().items()
            ),
            f"{'all':<12}{counts.right:>8,}{len(counts.wrong):>8,}{counts.silent:>8,}   of {total:,}",
        ]
        for row in counts.wrong[:20]:
            scripted = row.scripted_mechanism or row.scripted
            lines.append(
                f"wrong: {row.date} AS{row.network} {row.target}: scripted {row.scripted} ({scripted}), "
                f"found {row.found} ({row.found_mechanism or row.found})"
            )
        if len(counts.wrong) > 20:
            lines.append(f"and {len(counts.wrong) - 20:,} more, in comparison.csv")
        return "\n".join([*lines, "", *self.events.text(), "", *self.outages.text()]) + "\n"


def run_demo(
    folder: Path,
    size: str = "medium",
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    stage: Stage = lambda _: None,
    workers: int = 0,
) -> Result:
    """Make the synthetic archive in `folder`, judge it, detect, write the page, and compare with the script.

    What an earlier demo left there is replaced; a folder that holds anything else is refused.
    """
    _clear(folder)
    stage("archive")
    written = make_archive(folder / "archive", size)
    signals = make_signals(folder / "signals", SIZES[size].fine)
    for name in _MARKS:
        (folder / name).write_text(_SAID, encoding="utf-8")
    for name, data in reference_files().items():  # so that the archive can be read again by hand
        path = folder / "reference" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    stage("ingest")
    reference = load_reference(reference_files())
    store = open_storage(LocalStorage(str(folder / "store")), str(folder / "store"), create=True)
    found = [*sorted((folder / "archive").rglob("*.jsonl.gz")), *signals]
    summary = ingest(found, store, reference=reference, workers=workers, progress=progress)
    stage("detect")
    detect(store, workers=workers, progress=progress)
    stage("report")
    paper = report(store, COUNTRY, reference=reference)
    ways = access(store, COUNTRY, reference=reference)
    stage("compare")
    script = load_script()
    days = SIZES[size].days or range(1, script.days + 1)
    comparison = compare(script, store.table("verdicts"), days)
    events = compare_events(script, store.detected("event_members"), store.detected("findings"), days, COUNTRY)
    outages = compare_outages(
        load_signals(), store.detected("outages"), store.detected("outage_parts"), store.detected("notes")
    )
    made = {
        "report.html": paper.html, "report.json": paper.json, "witnesses.csv": paper.witnesses,
        "access.html": ways_page.page(ways), "access.fa.html": ways_page.page(ways, "fa"),
        "comparison.csv": comparison.csv(), "events.csv": events.csv(),
        "outages.csv": outages.csv(),
    }  # fmt: skip
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return Result(folder, size, written, summary, comparison, events, outages, tuple(folder / name for name in made))


def _clear(folder: Path) -> None:
    """An empty folder of our own."""
    if folder.exists():
        if not folder.is_dir():
            raise UsageError("the demo needs a folder, and this is a file", where=str(folder))
        strange = sorted(one.name for one in folder.iterdir() if one.name not in _OWN)
        if strange or (any(folder.iterdir()) and not (folder / _MARKS[0]).is_file()):
            what = f"it holds {strange[0]}" if strange else "it holds something that no demo made"
            raise UsageError(f"the folder is not the demo's own: {what}", where=str(folder), hint="Name a new folder.")
        for name in _OWN:
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
