"""Law: what the code already says is never written twice: these pages are made from it, and a test keeps them so.

python docs/generate.py            write docs/reference/, docs/schema/ and docs/sources.md
python docs/generate.py --check    name the pages that differ; exit code 1 if any does
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import through
import upstreams

if TYPE_CHECKING:
    from clampdown.fetch.known import Known

ROOT = Path(__file__).resolve().parent.parent
CODE = ROOT / "src/clampdown"
DOCS = ROOT / "docs"
MADE = "<!-- made by `make docs`; change the code, not this page -->\n"


def cell(value: object) -> str:
    """Text that stays inside one table cell."""
    return str(value).replace("|", "\\|").replace("\n", " ").strip()


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = tuple(head)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell(c) for c in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def law(path: Path) -> str:
    """The comment or docstring that a file opens with, without its marker."""
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines).removeprefix("Law: ")


# ---- command line ----------------------------------------------------------------------------------------------


def cli_page() -> str:
    """Every command's own help, at a fixed width."""
    from clampdown.cli import VERBS, group

    context = click.Context(group, info_name="clampdown", terminal_width=100, max_content_width=100)
    parts = ["# Command line\n", MADE, fenced(group.get_help(context))]
    for verb in VERBS:
        command = group.get_command(context, verb)
        assert command is not None
        inner = click.Context(command, info_name=verb, parent=context, terminal_width=100, max_content_width=100)
        parts += [f"## clampdown {verb}\n", fenced(command.get_help(inner))]
    return "\n".join(parts)


def fenced(text: str) -> str:
    return "```text\n" + text.rstrip() + "\n```\n"


def settings_page() -> str:
    """Fields of the settings record with the comments beside them."""
    source = (CODE / "cli/settings.py").read_text(encoding="utf-8")
    rows = [
        (
            f"`{name}`",
            kind.replace("str", "text").replace(" | None", ""),
            f"`{default}`",
            f"`CLAMPDOWN_{name.upper()}`",
            text,
        )
        for name, kind, default, text in re.findall(r"^    (\w+): ([\w |]+) = (.+?)  # (.+)$", source, re.MULTILINE)
    ]
    return (
        f"# Settings\n\n{MADE}\nA flag beats a variable, a variable beats `clampdown.toml`, the file beats "
        "the default. Numbers take k, M or G. An unknown name is an error.\n\n"
        + table(("name in `clampdown.toml`", "kind", "default", "variable", "what it sets"), rows)
    )


# ---- rules -----------------------------------------------------------------------------------------------------


def rule_pages() -> Iterator[tuple[str, str]]:
    families = sorted((CODE / "judge/rules").glob("*.toml"))
    rows: list[tuple[object, ...]] = []
    for path in families:
        document = read(path)
        parts = [f"# Rules: {path.stem}\n", MADE, law(path) + "\n"]
        parts += [rule_section(rule) for rule in document["rule"]]
        if document.get("define"):
            parts.append("## Words used in the conditions\n")
            parts.append(table(("word", "means"), ((f"`{k}`", f"`{v}`") for k, v in document["define"].items())))
        rows += [
            (f"[`{r['id']}`](rules-{path.stem}.md#{anchor(r['id'])})", r["verdict"], mechanism(r), r["why"])
            for r in document["rule"]
        ]
        yield f"rules-{path.stem}.md", "\n".join(parts)
    head = f"# Rules\n\n{MADE}\nAll {len(rows)} rules. Ids are never reused. All rules that fired are kept.\n\n"
    yield "rules.md", head + table(("rule", "verdict", "mechanism", "why"), rows)


def anchor(rule: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "", rule.lower())


def mechanism(rule: dict[str, Any]) -> str:
    return f"`{rule['mechanism']}`" if rule.get("mechanism") else ""


def rule_section(rule: dict[str, Any]) -> str:
    deed = f"`{rule['verdict']}`" + (f", {mechanism(rule)}" if rule.get("mechanism") else "")
    cases = [("fires" if c["fires"] else "must not fire", f"`{c['row']}`", c.get("note", "")) for c in rule["case"]]
    return (
        f"## {rule['id']}\n\n{rule['why']}\n\n- Says: {deed}\n- False positives: {rule['false_positives']}\n"
        f"- When: `{rule['when']}`\n\n" + table(("case", "row", "note"), cases)
    )


# ---- tables, mechanisms, targets -------------------------------------------------------------------------------


def tables_page() -> str:
    """Columns of model.py and model_signals.py with the comments beside them."""
    from clampdown import model, model_signals

    names = {id(schema): name for name, schema in (model.TABLES | model.DETECTED).items()}
    files = ("model.py", "model_signals.py")
    comments = column_comments("\n".join((CODE / file).read_text(encoding="utf-8") for file in files))
    parts = ["# Tables\n", MADE, "Times are naive UTC in microseconds. `null` is written empty.\n"]
    for key, schema in ((k, v) for k, v in (vars(model) | vars(model_signals)).items() if id(v) in names):
        rows = [
            (f"`{f.name}`", f.type, "" if f.nullable else "never null", comments.get((key, f.name), "")) for f in schema
        ]
        parts += [f"## {names[id(schema)]}\n", table(("column", "type", "", "is"), rows)]
    return "\n".join(parts)


def column_comments(source: str) -> dict[tuple[str, str], str]:
    """(schema, column) → the comment on its line and on the comment lines that follow."""
    found: dict[tuple[str, str], str] = {}
    schema, last = "", None
    for line in source.splitlines():
        if opened := re.match(r"(\w+): Final = _schema\(", line):
            schema = opened[1]
        elif column := re.match(r'    \("(\w+)",.*?\),(?:  # (.*))?$', line):
            last = (schema, column[1])
            found[last] = column[2] or ""
        elif (more := re.match(r"    #\s+(.*)$", line)) and last:
            found[last] += " " + more[1]
        else:
            last = None
    return found


def mechanisms_page() -> str:
    labels = read(CODE / "reference/data/mechanisms.toml")["labels"]
    rows = [("&nbsp;" * 4 * k.count(".") + f"`{k}`", v) for k, v in labels.items()]
    return (
        f"# Mechanisms\n\n{MADE}\nA dotted path; any prefix is a valid id; ids are append-only. A verdict says the "
        "deepest node that the evidence supports and no deeper.\n\n" + table(("mechanism", "means"), rows)
    )


def targets_page() -> str:
    document = read(CODE / "reference/data/targets.toml")
    parts = ["# Targets\n", MADE, "Platforms with their roles. What is in no row here is `web/<host>`.\n"]
    groups = document["group"]
    parts += [
        "## Groups\n",
        table(("group", "label"), ((f"`{g['id']}`", g["label"]) for g in groups)),
        "## Platforms\n",
    ]
    parts.append(table(("platform", "groups", "targets", "source"), platform_rows()))
    return "\n".join(parts)


def platform_rows() -> Iterator[tuple[str, ...]]:
    from clampdown.reference import load_reference

    for platform in load_reference().targets.platforms.values():
        roles = ", ".join(f"`{platform.id}/{role}`" for role in platform.roles)
        yield platform.label, ", ".join(platform.groups), roles, platform.source


def thresholds_page() -> str:
    parts = ["# Thresholds\n", MADE]
    files = (
        ("Reports", "assess/thresholds.toml"),
        ("Ways through", "assess/access.toml"),
        ("Users of ways through", "assess/usage.toml"),
        ("The feed of ways through", "assess/feed.toml"),
        *(("Ranks", "assess/rank.toml"), ("Detection", "detect/thresholds.toml")),
        ("Levels of BGP", "intake/sources/bgp/thresholds.toml"),
    )
    for heading, file in files:
        got, head = read(path := CODE / file), f"## {heading}\n\n{law(path)[:1].upper()}{law(path)[1:]}\n"
        rows = [(f"`{one['signal']}` breaks", one["day"], one["reason"]) for one in got.pop("breaks", [])]
        rows += [(f"weight of `{n}`", one["weight"], one["reason"]) for n, one in got.pop("component", {}).items()]
        rows = [(f"`{n}`", v["value"], v["reason"]) for n, v in got.get("limits", got).items() if "value" in v] + rows
        parts += [head, table(("threshold", "value", "reason"), rows)]
    return "\n".join(parts)


def manners_page() -> str:
    """How each kind of signal is watched: what holds for all, with its reason, and what differs."""
    path = CODE / "detect/manners.toml"
    document = read(path)
    rows = [(f"`{name}`", told(value), document["reasons"][name]) for name, value in document["default"].items()]
    kinds = [("plane", name, own) for name, own in document["plane"].items()]
    kinds += [("signal", name, own) for name, own in document["signal"].items()]
    others = [
        (kind, f"`{name}`", ", ".join(f"`{key}` {told(value)}" for key, value in own.items()))
        for kind, name, own in kinds
    ]
    return (
        f"# How signals are watched\n\n{MADE}\n{law(path)[:1].upper()}{law(path)[1:]} What they do is in "
        "[methods](../methods.md#7-from-levels-to-outages).\n\n"
        + table(("threshold", "value", "reason"), rows)
        + "\n## What differs\n\nA signal's own value goes before its plane's, and that before the one above. A name "
        "without its last part (`tor/transport`) stands for all that begin with it. Normalised series are asked for no "
        "least level.\n\n" + table(("", "name", "values"), others)
    )


def told(value: object) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(told(each) for each in value) if isinstance(value, list) else f"{value:g}"


def sources_page() -> str:
    """The formats of signals and published records in the order in which they are tried, signals, and terms."""
    from clampdown.pipeline.observe import SIGNALS

    formats = [(f"`{source.name}`", law_of(source.read.__module__)) for source in SIGNALS]
    signals = [
        (f"`{each['id']}`", each["plane"], each["operator"], each["unit"], each.get("service", ""),
         told(each["watched"]))
        for each in read(CODE / "reference/data/signals.toml")["signals"]
    ]  # fmt: skip
    terms = [
        (f"`{each['source']}`", each["licence"], each["redistribute"], each["attribution"], each["url"])
        for each in read(CODE / "reference/data/terms.toml")["terms"]
    ]
    return "\n".join((
        "# Signals and sources\n", MADE,
        "Files of signals and of published records are told by their content, in this order; what none of these takes "
        "is read as measurements.\n",
        table(("format", "its law"), formats),
        "## Signals\n",
        "Names that end in `/` stand for all that begin so; `*` is the signal's own name. Loss, latency and changes of "
        "BGP are kept and not watched for falls.\n",
        table(("signal", "plane", "operator", "unit", "service", "watched"), signals),
        "## Terms\n",
        "How what was made from a source may be passed on. Exports, reports and feeds carry these.\n",
        table(("source", "licence", "may be passed on", "attribution", "where"), terms),
    ))  # fmt: skip


def services_page() -> str:
    """What each remote service has, from its row of services.toml and its terms."""
    from clampdown.fetch.known import all_known

    terms = {each["source"]: each for each in read(CODE / "reference/data/terms.toml")["terms"]}
    services = all_known().values()
    rows = [
        (f"[`{one.name}`](#{anchor(one.name)})", one.title, f"{one.since:%Y-%m}", hours(one.delay),
         ", ".join(one.planes) or "measurements", terms[one.terms]["licence"])
        for one in services
    ]  # fmt: skip
    head = ("name", "source", "reaches back to", "comes after about", "shows", "licence")
    return "\n".join((
        "# Where data come from\n", MADE,
        "`clampdown fetch` brings these; [signals and sources](reference/sources.md) says how files of them are read. "
        "What is brought once is not brought again; what may still be revised is asked for again by the next run. "
        "Services that answer questions are asked for whole windows at fixed places of the calendar, so that nothing "
        "is asked for twice: the first and the last may hold more than was asked for. Limits, "
        "and how far back and how late data come, are as the services document them; what could not be "
        "checked is said.\n",
        table(head, rows),
        *(service_section(one, terms[one.terms]) for one in services),
    ))  # fmt: skip


def service_section(one: Known, terms: dict[str, Any]) -> str:
    parts = [(part.name, f"`{part.path}`", part.since, part.until or "", f"<{part.address}>") for part in one.parts]
    facts = [
        f"- **Measures:** {one.measures}",
        f"- **Signals:** {', '.join(f'`{each}`' for each in one.signals)}" if one.signals else "",
        f"- **How far back:** {one.since:%B %Y}.",
        f"- **How late:** {one.late}",
        f"- **How to ask:** {one.ask}",
        f"- **Token:** {' or '.join(f'`{each}`' for each in one.token)}, or `--token-file`; it is sent to the service "
        "in one header and written nowhere." if one.token else "- **Token:** none.",
        f"- **Limits:** {one.limit}" + (f" We ask for {one.window.days} days at once." if one.window else ""),
        f"- **Manners:** {one.parallel} {'connection' if one.parallel == 1 else 'connections'} at once.",
        f"- **Licence:** {terms['licence']}; may be passed on: {terms['redistribute']}. "
        f"Attribution: {terms['attribution']}.",
        "- **Cannot show:**",
        *(f"  - {each}" for each in one.cannot),
        f"- **Not checked:** {one.unchecked}" if one.unchecked else "",
        f"- **Looked up in:** {', '.join(f'<{each}>' for each in one.sources)}",
    ]  # fmt: skip
    lines = [f"## {one.name}\n", f"{one.title}, <{one.address}>.\n", "<!-- not run: needs the network -->"]
    lines += [f"```sh\n{one.example}\n```\n", *(fact for fact in facts if fact), ""]
    if parts:
        lines.append(table(("layout", "path", "from", "until", "address"), parts))
    return "\n".join(lines)


def hours(time: timedelta) -> str:
    """A delay as people say it."""
    count = round(time.total_seconds() / 3600)
    return f"{count // 24} days" if count >= 48 else f"{count} hour{'s' if count > 1 else ''}"


def law_of(module: str) -> str:
    """The first paragraph of a module's docstring (of its package's, where it has parts), without its marker."""
    import importlib

    package = module.rpartition(".")[0]
    name = module if package.endswith("sources") else package
    text = (importlib.import_module(name).__doc__ or "").split("\n\n")[0]
    made = " ".join(text.split()).removeprefix("Law: ")
    return f"{made[:1].upper()}{made[1:]}"


def schemas() -> Iterator[tuple[str, str]]:
    """Every output's JSON Schema; the summaries are made above the stretch that knows the others."""
    import msgspec

    from clampdown.cli.fetched import Answered, Jobs, Planned
    from clampdown.pipeline import Summary
    from clampdown.pipeline.detecting import DetectSummary
    from clampdown.pipeline.doctor import Health
    from clampdown.pipeline.forgetting import Forgotten
    from clampdown.pipeline.status import Status
    from clampdown.publish.schemas import OUTPUTS, schema

    for name in OUTPUTS:
        yield f"{name}.json", schema(name).decode()
    kept = (("status", Status), ("forget", Forgotten), ("doctor", Health))
    fetches = (("fetch", Answered), ("fetch-dry-run", Planned), ("fetch-jobs", Jobs))
    for name, kind in (("ingest", Summary), ("detect", DetectSummary), *kept, *fetches):
        words = {"fetch-dry-run": "fetch --dry-run", "fetch-jobs": "fetch jobs"}.get(name, name)
        head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"`clampdown {words} --json`"}
        made = msgspec.json.encode({**head, **msgspec.json.schema(kind)}, order="sorted")
        yield f"{name}.json", msgspec.json.format(made, indent=2).decode() + "\n"


def pages() -> dict[str, str]:
    """Path below docs/ → text of every generated file."""
    made = dict(rule_pages())
    made |= {"cli.md": cli_page(), "settings.md": settings_page(), "tables.md": tables_page()}
    made |= {"mechanisms.md": mechanisms_page(), "targets.md": targets_page(), "thresholds.md": thresholds_page()}
    made["tools.md"] = through.page(law(CODE / "reference/data/tools.toml"), MADE, table)
    made |= {"manners.md": manners_page(), "sources.md": sources_page()}
    made |= {"upstreams.md": upstreams.page(CODE / "fetch/upstreams.toml", MADE, table)}
    texts = {name: "\n".join(line.rstrip() for line in text.splitlines()) + "\n" for name, text in made.items()}
    files = {f"reference/{name}": text for name, text in texts.items()} | {"sources.md": services_page()}
    return files | {f"schema/{name}": text for name, text in schemas()}


def main(words: list[str]) -> int:
    made = pages()
    found = (*DOCS.glob("reference/*.md"), *DOCS.glob("schema/*.json"), *DOCS.glob("sources.md"))
    there = {p.relative_to(DOCS).as_posix(): p.read_text(encoding="utf-8") for p in found}
    stale = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
    if "--check" in words:
        print("\n".join(stale))
        return 1 if stale else 0
    for name in stale:
        if name in made:
            (DOCS / name).write_text(made[name], encoding="utf-8")
        else:
            (DOCS / name).unlink()
    print(f"{len(stale)} of {len(made)} files changed", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
