r"""Law: a regular expression means the same to every engine, or it is not used.

Fingerprints are written for Python's `re` over text; bodies are bytes, and hostile, so they are matched by engines
that take linear time. This module translates the common subset into byte expressions that Hyperscan and RE2 read
alike. The meaning is that of `re.search(pattern, text, re.ASCII)`: a dot is one character, no line feed unless
`(?s)` is said; `\d`, `\s`, `\w` and `\b` know ASCII only. What is outside of the subset (looking around, back
references, possessive or very large repeats, `(?m)`) is reported, never guessed at.
"""

from __future__ import annotations

import re
from typing import Final

# Longer repeats make automata of unbounded size; RE2 refuses 1,000 and Hyperscan much less in the open.
MAX_REPEAT: Final = 100
# A fingerprint is a phrase; longer expressions are mistakes, and cost compile time.
MAX_PATTERN: Final = 2_000

# A whole character beyond ASCII. A byte that belongs to none is matched only within `.*` and `.+`.
_HIGH: Final = r"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
_DIGIT: Final = frozenset(range(0x30, 0x3A))
_SPACE: Final = frozenset(b"\t\n\x0b\x0c\r ")
_WORD: Final = frozenset(c for c in range(128) if chr(c).isalnum() or c == 0x5F)
_ALL: Final = frozenset(range(128))
_SHORT: Final = {"d": _DIGIT, "s": _SPACE, "w": _WORD}
_CONTROL: Final = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7, "0": 0}
_REPEAT: Final = re.compile(r"\{(?:(\d+)(,(\d*))?|,(\d+))\}")
_FLAGS: Final = re.compile(r"\(\?([a-zA-Z]+)\)")


class UnusableError(ValueError):
    """Why a pattern cannot be matched alike by both engines."""


def literal(data: bytes) -> str:
    """A byte expression that matches exactly these bytes."""
    return "".join(chr(c) if c in _WORD and c != 0x5F else f"\\x{c:02x}" for c in data)


def _set(members: frozenset[int]) -> str:
    """A class of ASCII bytes, spelled in ranges of hexadecimal escapes."""
    spans: list[list[int]] = []
    for c in sorted(members):
        if spans and spans[-1][1] == c - 1:
            spans[-1][1] = c
        else:
            spans.append([c, c])
    return "[" + "".join(f"\\x{a:02x}" if a == b else f"\\x{a:02x}-\\x{b:02x}" for a, b in spans) + "]"


def _character(c: str) -> str:
    data = c.encode("utf-8", "surrogatepass")
    return literal(data) if len(data) == 1 else f"(?:{literal(data)})"


def _choice(members: frozenset[int], high: bool) -> str:
    """One character out of ASCII members, and any character beyond ASCII where `high`."""
    if not members and not high:
        raise UnusableError("a class that matches nothing")
    if not high:
        return _set(members)
    return f"(?:{_set(members)}|{_HIGH})" if members else f"(?:{_HIGH})"


class _Translator:
    """One pass over the pattern; `pos` only ever grows."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.pos = 0
        self.any_newline = False
        self.fold = False
        self.out: list[str] = []
        self.bounded = [False]  # per open group: holds a bounded repeat
        self.atom = False  # something that a repeat may follow
        self.dot = -1  # number of parts after which the last one is a dot
        self.group_bounded = False  # the last group closed holds a bounded repeat

    def run(self) -> str:
        flags = _FLAGS.match(self.pattern)
        if flags:
            if set(flags[1]) - {"i", "s", "a"}:
                raise UnusableError(f"the flags {flags[1]!r} are not supported")
            self.fold, self.any_newline = "i" in flags[1], "s" in flags[1]
            self.pos = flags.end()
        while self.pos < len(self.pattern):
            self.step()
        return ("(?i)" if self.fold else "") + "".join(self.out)

    def emit(self, text: str, *, atom: bool = True) -> None:
        self.out.append(text)
        self.atom = atom

    def step(self) -> None:
        c = self.pattern[self.pos]
        if c == "\\":
            self.escape()
        elif c == "[":
            self.bracket()
        elif c == "(":
            self.open()
        elif c in "*+?" or (c == "{" and _REPEAT.match(self.pattern, self.pos)):
            self.repeat()
        else:
            self.pos += 1
            self.plain(c)

    def plain(self, c: str) -> None:
        if c == ".":
            members = _ALL if self.any_newline else _ALL - {10}
            self.emit(_choice(members, high=True))
            self.dot = len(self.out)
        elif c == "^":
            self.emit(r"\A", atom=False)
        elif c == "$":
            if len(self.bounded) > 1 or (self.pos < len(self.pattern) and self.pattern[self.pos] != "|"):
                raise UnusableError("`$` within the expression")
            self.emit(r"\n?\z", atom=False)
        elif c == ")":
            inner = self.bounded.pop()
            self.bounded[-1] = self.bounded[-1] or inner
            self.group_bounded = inner
            self.emit(")")
            return
        elif c == "|":
            self.emit("|", atom=False)
        else:
            self.check_fold(c)
            self.emit(_character(c))
        self.group_bounded = False

    def check_fold(self, c: str) -> None:
        if self.fold and not c.isascii():
            raise UnusableError("ignoring case beyond ASCII")

    def open(self) -> None:
        match = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))").match(self.pattern, self.pos)
        if match is None:
            raise UnusableError("looking around, conditions, atomic groups or flags inside")
        self.pos = match.end()
        self.bounded.append(False)
        self.emit("(?:", atom=False)

    def repeat(self) -> None:
        if not self.atom:
            raise UnusableError("a repeat of something without a width")
        match = _REPEAT.match(self.pattern, self.pos)
        if match is None:
            text = self.pattern[self.pos]
            self.pos += 1
            if self.dot == len(self.out) and text in "*+":
                # Between two characters, any characters are any bytes: faster, and it passes over broken text.
                anything = (r"[\x00-\xff]" if self.any_newline else r"[^\x0a]") + "*"
                self.out[-1], text = (anything, "") if text == "*" else (self.out[-1], anything)
        else:
            low = int(match[1] or 0)
            high = match[4] or (match[3] if match[2] else match[1])
            if max(low, int(high or 0)) > MAX_REPEAT:
                raise UnusableError(f"a repeat of more than {MAX_REPEAT}")
            if self.group_bounded:
                raise UnusableError("a counted repeat of a counted repeat")
            self.bounded[-1] = True
            text = f"{{{low},{high or ''}}}" if match[2] or match[4] else f"{{{low}}}"
            self.pos = match.end()
        follows = self.pattern[self.pos : self.pos + 1]
        if follows == "+":
            raise UnusableError("a possessive repeat")
        if follows == "?":
            # A lazy repeat finds the same texts; only where it ends differs.
            self.pos += 1
        self.emit(text, atom=False)

    def code_point(self) -> str | None:
        """The character of an escape that names one, or None for classes and positions; `pos` is after it."""
        c = self.pattern[self.pos + 1]
        width = {"x": 2, "u": 4, "U": 8}.get(c)
        if width is not None:
            digits = self.pattern[self.pos + 2 : self.pos + 2 + width]
            self.pos += 2 + width
            return chr(int(digits, 16))
        if c in _CONTROL:
            if c == "0" and self.pattern[self.pos + 2 : self.pos + 3].isdigit():
                raise UnusableError("an octal escape")
            self.pos += 2
            return chr(_CONTROL[c])
        if c.isalnum():
            return None
        self.pos += 2
        return c

    def escape(self) -> None:
        self.group_bounded = False
        char = self.code_point()
        if char is not None:
            self.check_fold(char)
            self.emit(_character(char))
            return
        c = self.pattern[self.pos + 1]
        self.pos += 2
        if c.lower() in _SHORT:
            members = _SHORT[c.lower()]
            self.emit(_choice(members if c.islower() else _ALL - members, high=c.isupper()))
        elif c in "bBAZ":
            self.emit(r"\z" if c == "Z" else "\\" + c, atom=False)
        else:
            raise UnusableError("a reference to a group" if c.isdigit() else f"the escape \\{c}")

    def bracket(self) -> None:
        self.group_bounded = False
        self.pos += 1
        negated = self.pattern.startswith("^", self.pos)
        self.pos += negated
        members: set[int] = set()
        beyond: list[str] = []
        high = False
        first = True
        while first or self.pattern[self.pos] != "]":
            first = False
            low = self.member()
            if isinstance(low, tuple):
                members |= low[0]
                high = high or low[1]
                continue
            top = low
            if self.pattern[self.pos] == "-" and self.pattern[self.pos + 1] != "]":
                self.pos += 1
                end = self.member()
                if isinstance(end, tuple):
                    raise UnusableError("a range that ends in a class")
                top = end
            if top.isascii():
                members |= set(range(ord(low), ord(top) + 1))
            elif low == top:
                beyond.append(low)
            else:
                raise UnusableError("a range beyond ASCII")
        self.pos += 1
        self.emit(self.class_text(members, beyond, high=high, negated=negated))

    def member(self) -> str | tuple[frozenset[int], bool]:
        """One member of a class: a character, or (ASCII members, everything beyond ASCII too)."""
        if self.pattern[self.pos] != "\\":
            self.pos += 1
            return self.pattern[self.pos - 1]
        if self.pattern[self.pos + 1] == "b":
            self.pos += 2
            return "\b"
        char = self.code_point()
        if char is not None:
            return char
        c = self.pattern[self.pos + 1]
        self.pos += 2
        if c.lower() not in _SHORT:
            raise UnusableError(f"the escape \\{c} in a class")
        members = _SHORT[c.lower()]
        return (members, False) if c.islower() else (_ALL - members, True)

    def class_text(self, members: set[int], beyond: list[str], *, high: bool, negated: bool) -> str:
        if beyond and (negated or self.fold):
            raise UnusableError("characters beyond ASCII in a class that is negated or ignores case")
        if self.fold:
            members |= {ord(f(chr(c))) for c in members if chr(c).isalpha() for f in (str.lower, str.upper)}
        if negated:
            return _choice(_ALL - members, high=not high)
        if high or not beyond:
            return _choice(frozenset(members), high=high)
        options = [_character(c) for c in beyond] + ([_set(frozenset(members))] if members else [])
        return "(?:" + "|".join(options) + ")"


def translate(pattern: str) -> str:
    """The byte expression for a Python pattern, or `UnusableError` with the reason."""
    if len(pattern) > MAX_PATTERN:
        raise UnusableError(f"longer than {MAX_PATTERN} characters")
    try:
        compiled = re.compile(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        raise UnusableError(f"not a regular expression: {error}") from None
    if compiled.search("") is not None:
        raise UnusableError("it matches the empty text")
    return _Translator(pattern).run()


def expression(kind: str, pattern: str) -> str:
    """The byte expression for a fingerprint's pattern: full | prefix | contains | regexp."""
    if not pattern:
        raise UnusableError("the pattern is empty")
    if kind == "regexp":
        return translate(pattern)
    body = literal(pattern.encode("utf-8", "surrogatepass"))
    if kind == "contains":
        return body
    if kind == "prefix":
        return r"\A" + body
    if kind == "full":
        return r"\A" + body + r"\z"
    raise UnusableError(f"{kind!r} is none of full, prefix, contains, regexp")
