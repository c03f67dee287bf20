"""Law: the page of ways through has each word once per language, as data; a number, a name or a time turns no line.

`Tongue` places what the document holds into the patterns of one language. Numbers, networks, ISO days and codes are
isolated left to right; in Persian, digits are Persian and a day stands in both calendars.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib import resources
from typing import Final

from persiantools.jdatetime import MONTH_NAMES_FA, JalaliDate

from clampdown.assess.ways import Access, Conflict, Counted, Since, Stage, Usage, Way
from clampdown.evidence import Witness
from clampdown.publish import numbers as num
from clampdown.publish import words
from clampdown.reference import countries, toml

LANGUAGES: Final = ("en", "fa")
RIGHT_TO_LEFT: Final = frozenset({"fa"})
COMMAND: Final = "--format jsonl"
_LTR, _RTL, _END = "\u2066", "\u2067", "\u2069"
_PERSIAN: Final = str.maketrans("0123456789,.%", "۰۱۲۳۴۵۶۷۸۹٬٫٪")
_MAX_NAMES: Final = 8
Words = Mapping[str, Mapping[str, str]]


@cache
def load(language: str) -> Words:
    """The words of a language: section -> key -> text."""
    name = f"ways.{language}.toml"
    document = toml.read((resources.files("clampdown.publish") / "words" / name).read_bytes(), name)
    made: dict[str, dict[str, str]] = {}
    for section in document:
        table = toml.table(document, section, name)
        made[section] = {key: toml.text(table, key, name) for key in table}
    return made


class Tongue:
    """What the template asks for, in one language."""

    def __init__(self, access: Access, language: str) -> None:
        self.language = language
        self.direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
        self.text = load(language)["text"]
        self.section = load(language)["section"]
        self.paragraph = load(language)["paragraph"]
        self._words = load(language)
        self._access = access
        self._labels = (access.labels.get(language, {}), access.labels.get("en", {}))

    # ---- numbers, names, times ---------------------------------------------------------------------------------

    def ltr(self, text: str) -> num.Sentence:
        """A code, a day or a number, which is read from left to right wherever it stands."""
        return num.Sentence(f"{_LTR}{num.plain(text)}{_END}")

    def name(self, text: str) -> num.Sentence:
        return num.Sentence(num.name(text))

    def digits(self, text: str) -> num.Sentence:
        return self.ltr(text.translate(_PERSIAN) if self.language == "fa" else text)

    def count(self, value: float) -> num.Sentence:
        return self.digits(f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:,.2f}")

    def percent(self, part: float) -> num.Sentence:
        """A share; more than all is told as it is."""
        return self.digits(num.percent(part) if 0 <= part <= 1 else f"{part:,.0%}")

    def network(self, network: int | None) -> num.Sentence:
        return num.Sentence(self.text["whole"]) if network is None else self.ltr(num.network(network))

    def day(self, text: str | None) -> num.Sentence:
        """A day, or a time of which the hour and the minute are told; in Persian in both calendars."""
        if not text:
            return num.Sentence("")
        try:
            when = date.fromisoformat(text[:10])
        except ValueError:
            return self.name(text)
        clock = f" {text[11:16]}\u00a0UTC" if len(text) >= 16 and text[10] in "T " else ""
        if self.language != "fa":
            return self.ltr(num.day(when.isoformat()) + clock)
        own = JalaliDate(when)
        here = f"{own.day} {MONTH_NAMES_FA[own.month]} {own.year}".translate(_PERSIAN)
        there = f"{when.day} {self._words['month'][f'{when.month:02}']} {when.year}".translate(_PERSIAN)
        return num.Sentence(f"{_RTL}{here} ({there}{'، ' + self.ltr(clock.strip()) if clock else ''}){_END}")

    def days(self, days: Sequence[str], limit: int = 4) -> num.Sentence:
        """Days one after another as runs; what is more than a few is counted."""
        try:
            runs = num.runs(days)
        except ValueError:
            runs = [(day, day) for day in days]
        parts = [
            self.day(a) if a == b else self.say("range", low=self.day(a), high=self.day(b)) for a, b in runs[:limit]
        ]
        text = num.Sentence(self._between().join(parts))
        return num.Sentence(f"{text} +{self.count(len(runs) - limit)}") if len(runs) > limit else text

    def _between(self) -> str:
        """Set between parts that may hold commas."""
        return "؛ " if self.language == "fa" else "; "

    def age(self, days: int | None) -> num.Sentence:
        if days is None:
            return num.Sentence("")
        return num.Sentence(self.text_of("today")) if days == 0 else self.say("days_ago", n=self.count(days))

    def text_of(self, key: str) -> str:
        return self._words["sentence"][key]

    def say(self, key: str, **given: str) -> num.Sentence:
        """A pattern with what belongs into it; whatever is no sentence of ours is isolated first."""
        safe = {k: v if isinstance(v, num.Sentence) else self.name(v) for k, v in given.items()}
        return num.Sentence(self._words["sentence"][key].format_map(safe))

    def heads(self, key: str) -> tuple[str, ...]:
        return tuple(self.text[key].split("|"))

    # ---- codes -------------------------------------------------------------------------------------------------

    def word(self, section: str, code: str) -> num.Sentence:
        """The word of a code; a code without one stands as it is."""
        found = self._words[section].get(code)
        return num.Sentence(found) if found is not None else self.ltr(code)

    def state(self, code: str) -> num.Sentence:
        return self.word("state", code)

    def reason(self, code: str) -> num.Sentence:
        found = self._words["reason"].get(code)
        return num.Sentence(found) if found else num.Sentence(f"{self.text['unknown_code']}: {self.ltr(code)}")

    def redistribute(self, code: str) -> num.Sentence:
        known = self._words["redistribute"]
        return num.Sentence(known.get(code, known["other"]))

    def mechanism(self, code: str) -> num.Sentence:
        """What a mechanism looked like; an unknown one is told by its nearest known ancestor."""
        if self.language == "en":
            return num.Sentence(words.how(code))
        path = code
        while path and path not in self._words["mechanism"]:
            path = path.rpartition(".")[0]
        return num.Sentence(self._words["mechanism"][path]) if path else self.ltr(code)

    def country(self) -> num.Sentence:
        code = self._access.question.country
        known = self._words["country"].get(code) if self.language != "en" else countries.name_of(code)
        return self.name(known) if known else self.ltr(code)

    def plain_label(self, tool: str, way: str | None = None) -> str:
        """A tool, or a way of it, as the document labels it; in English where this language has no label."""
        key = tool if way is None else f"{tool}/{way}"
        for labels in self._labels:
            if key in labels:
                return num.plain(labels[key], 120)
        return num.plain(tool if way is None else way, 120)

    def label(self, tool: str, way: str | None = None) -> num.Sentence:
        return self._turned(self.plain_label(tool, way))

    def _turned(self, text: str) -> num.Sentence:
        """A label with any Persian letter in it reads from the right, also where it begins with a Latin one."""
        persian = any("\u0600" <= letter <= "\u06ff" for letter in text)
        return num.Sentence(f"{_RTL if persian else _LTR}{text}{_END}")

    def both(self, tool: str, way: str) -> num.Sentence:
        """Tor: Snowflake; the tool alone where the way is called alike."""
        first, second = self.plain_label(tool), self.plain_label(tool, way)
        if second.startswith(first):
            return self.label(tool, way)
        return num.Sentence(f"{self.label(tool)}: {self.label(tool, way)}")

    def drawn_label(self, tool: str, way: str, limit: int) -> num.Sentence:
        """The same within a picture, whose text is left to right unless told otherwise."""
        first, second = self.plain_label(tool), self.plain_label(tool, way)
        text = second if second.startswith(first) else f"{first}: {second}"
        text = text if len(text) <= limit else text[: limit - 1] + "…"
        return self.drawn(text)

    def drawn(self, text: str) -> num.Sentence:
        return num.Sentence(f"{_RTL if self.direction == 'rtl' else _LTR}{text}{_END}")

    def names(self, ways: Sequence[Way]) -> num.Sentence:
        text = num.Sentence(self._between().join(self.both(w.tool, w.way) for w in ways[:_MAX_NAMES]))
        rest = len(ways) - _MAX_NAMES
        return self.say("list_more", names=text, n=self.count(rest)) if rest > 0 else text

    def joined(self, parts: Iterable[str]) -> num.Sentence:
        comma = "، " if self.language == "fa" else ", "
        return num.Sentence(comma.join(p if isinstance(p, num.Sentence) else self.name(p) for p in parts))

    # ---- cells -------------------------------------------------------------------------------------------------

    def interval(self, way: Way, *, long: bool = False) -> num.Sentence:
        """The share of success with its interval; nothing where nothing is said of the way."""
        if way.share is None or way.state in ("untested", "insufficient"):
            return num.Sentence("")
        if way.low is None or way.high is None:
            return self.percent(way.share)
        return self.say(
            "interval_long" if long else "interval",
            share=self.percent(way.share), low=self.percent(way.low), high=self.percent(way.high),
        )  # fmt: skip

    def last(self, time: str | None, age: int | None) -> num.Sentence:
        if not time:
            return num.Sentence(self.text["never_ok"])
        return self.day(time) if age is None else self.say("on", day=self.day(time), age=self.age(age))

    def bounds(self, low: int, high: int) -> num.Sentence:
        return self.count(low) if low == high else self.say("range", low=self.count(low), high=self.count(high))

    def vantage(self, low: int, high: int) -> num.Sentence:
        return self.say("vantage_one" if low == high else "vantage", low=self.count(low), high=self.count(high))

    def how_far(self, stage: Stage) -> num.Sentence:
        """How far failing tries came, as they say themselves."""
        parts: list[str] = []
        if stage.progress_low is not None and stage.progress_high is not None:
            low, high = self.percent(stage.progress_low), self.percent(stage.progress_high)
            parts.append(self.say("progress_one" if low == high else "progress", low=low, high=high))
        if stage.bytes_low is not None and stage.bytes_high is not None:
            sizes = (stage.bytes_low, stage.bytes_high)
            low, high = (self.count(round(size / 1000) if size >= 1000 else size / 1000) for size in sizes)
            parts.append(self.say("bytes_one" if low == high else "bytes", low=low, high=high))
        return self.joined(parts)

    def since(self, each: Since) -> num.Sentence:
        key = "since_between" if each.after and each.before else "since_before" if each.before else "since_open"
        return self.say(
            key, state=self.word("finding", each.state), target=self.ltr(each.target), after=self.day(each.after),
            before=self.day(each.before), grade=self.word("grade", each.grade),
        )  # fmt: skip

    def counted(self, each: Counted) -> tuple[num.Sentence, ...]:
        """Source, test, time, tries, failed, and what the other counts of the window say."""
        many = (
            self.say("counted_range", counts=self.count(each.counts), since=self.day(each.since),
                     low=self.percent(each.share_low), high=self.percent(each.share_high))
            if each.counts > 1 and each.since else num.Sentence(self.text_of("counted_one"))
        )  # fmt: skip
        n = num.Sentence("–") if each.n is None else self.count(each.n)
        who = num.Sentence(f"{self.name(each.source)} · {self.name(each.operator)}")
        return (who, self.ltr(each.test), self.day(each.time), n, self.percent(each.failed_share), many)

    def usage(self, each: Usage) -> tuple[num.Sentence, ...]:
        """The cells of a line of users, without the first."""
        none = num.Sentence("–")
        users = none if each.users is None else self.count(each.users)
        shares = [none if v is None else self.percent(v) for v in (each.ratio, each.connectivity, each.adjusted)]
        return (
            self.name(each.operator), self.day(each.day), users, *shares, self.word("trend", each.trend),
            self.days(each.withheld) or num.Sentence(self.text["nobody"]),
            self.reason(each.reason) if each.reason else none,
        )  # fmt: skip

    def conflict(self, each: Conflict) -> num.Sentence:
        key = each.kind if each.kind in ("users_rise_tests_fail", "users_fall_tests_work") else "other_conflict"
        return self.say(
            key, way=self.both(each.tool, each.way), adjusted=self.percent(each.adjusted),
            share=self.percent(each.share), n=self.count(each.n),
        )  # fmt: skip

    def witness(self, each: Witness) -> num.Sentence:
        return self.day(each.time or each.day)
