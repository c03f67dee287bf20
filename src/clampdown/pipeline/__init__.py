"""Law: the only module that knows the order of the stages."""

from __future__ import annotations

from clampdown.pipeline.inputs import Input, Progress, find
from clampdown.pipeline.river import Summary, as_mapping, ingest, judge_store, open_storage, reference_of

__all__ = [
    "Input",
    "Progress",
    "Summary",
    "as_mapping",
    "find",
    "ingest",
    "judge_store",
    "open_storage",
    "reference_of",
]
