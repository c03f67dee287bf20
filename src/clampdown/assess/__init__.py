"""Law: a reader's question gets an answer that says how sure it is, and from what."""

from __future__ import annotations

from clampdown.assess.blocked import Answer, build, check
from clampdown.assess.counting import Thresholds, load_thresholds
from clampdown.assess.document import Bodies, Inputs, Question, Report, Snapshot, Source, decode, encode, numbers
from clampdown.assess.names import Names, names_of
from clampdown.assess.timeline import Detected

__all__ = [
    "Answer", "Bodies", "Detected", "Inputs", "Names", "Question", "Report", "Snapshot", "Source", "Thresholds",
    "build", "check", "decode", "encode", "load_thresholds", "names_of", "numbers",
]  # fmt: skip
