"""Write the generated parts of docs/reference from the program itself.

    python docs/make_reference.py           # write them
    python docs/make_reference.py --check   # exit code 1 where a page is not current

Generated parts stand between `<!-- generated: NAME -->` and `<!-- end -->`; the rest of a page is written by hand.
"""

import argparse
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import assay.errors
from assay.cli.root import COMMANDS, SECTIONS, LazyGroup
from assay.cli.summaries import SUMMARIES
from assay.flow import FLOW
from assay.records import blueprint as blueprints
from assay.records import blueprint_parts as parts
from assay.records import certificate, conditions, core_acts, label, layers, outcome, scenario, session, tools, verdict
from assay.verification import measured as measuring
from assay.verification.check import CHECKS, RUN_LEVEL, SUPPORTING, CheckInfo
from assay.verification.pages import PAGES

FOLDER = Path(__file__).parent / "reference"
PART = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.S)
WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null", Any: "anything"}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(head), ["---"] * len(list(head)), *[[_cell(c) for c in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


# commands


def cli() -> str:
    """Every command: what it does, its example, its arguments and options."""
    group = LazyGroup(name="assay")
    out = []
    for title, names in SECTIONS:
        out.append(f"### {title}\n")
        out.append("\n".join(f"- [`assay {n}`](#assay-{n}): {SUMMARIES[n]}" for n in names) + "\n")
    for name in COMMANDS:
        out.append(_command(name, group.get_command(None, name)))
    return "\n".join(out)


def _command(name: str, command: Any) -> str:
    text = " ".join(inspect.cleandoc(command.help or "").split())
    first, example, rest = text.partition("Example: ")
    lines = [f"## assay {name}\n", first.strip() + "\n"]
    if example:
        shown, _, more = _split_example(rest)
        lines += [f"```sh\n{shown}\n```\n", *([f"{more}.\n"] if more else [])]
    rows = [_parameter(p) for p in command.params if p.name != "help"]
    lines.append(table(("argument or option", "default", "meaning"), rows))
    return "\n".join(lines)


def _split_example(rest: str) -> tuple[str, str, str]:
    """The command of an example, and the sentence about files after it."""
    return re.sub(r"\. (?=(Reads|Writes) )", "\0", rest).rstrip(".").partition("\0") if rest else ("", "", "")


def _parameter(p: Any) -> tuple[str, str, str]:
    if p.param_type_name == "argument":
        return f"`{p.metavar or p.name.upper()}`", "" if p.required else _default(p), p.help or ""
    names = ", ".join(f"`{o}`" for o in (*p.opts, *p.secondary_opts))
    again = "" if not p.multiple or "again" in (p.help or "") else " May be given again."
    return names, "required" if p.required else _default(p), (p.help or "") + again


def _default(p: Any) -> str:
    value = p.default
    if value is None or value == "" or value == [] or value is False or value == ():
        return ""
    return f"`{'yes' if value is True else value}`"


# records


def words_of(kind: Any) -> str:
    """A field's type in words."""
    if kind in WORDS:
        return WORDS[kind]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return "condition" if kind == conditions.Condition else words_of(inner[0])
    if origin is typing.Literal:
        return " \\| ".join(f"`{v}`" if v != "" else "empty" for v in inner)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(words_of(a) for a in inner)
    if origin is tuple:
        return (
            "pair of " + words_of(inner[0]) + "s"
            if len(inner) == 2 and inner[1] is not ...
            else f"list of {words_of(inner[0])}"
        )
    if origin is list:
        return f"list of {words_of(inner[0])}" if inner else "list"
    if origin is dict:
        return f"{{{words_of(inner[0])}: {words_of(inner[1])}}}"
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return getattr(kind, "__name__", str(kind))


def fields(model: type[BaseModel]) -> str:
    """The fields of a record, with the sentence under each."""
    rows = []
    for name, field in model.model_fields.items():
        shown = words_of(field.annotation).replace("\\|", "/")
        rows.append(
            (
                f"`{field.alias or name}`",
                shown,
                "required" if field.is_required() else _shown(field.default),
                field.description or "",
            )
        )
    return table(("field", "type", "default", "meaning"), rows)


def _shown(default: Any) -> str:
    """A field's default, where it says something."""
    plain = isinstance(default, str | int | float) and default != ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`" if plain else ""


def records(models: Iterable[type[BaseModel]], level: str = "###") -> str:
    """One section per record."""
    return "\n".join(f"{level} {m.__name__}\n\n{(m.__doc__ or '').splitlines()[0]}\n\n{fields(m)}" for m in models)


def run_files() -> str:
    """Which stage reads and writes what."""
    rows = [(f"`{s.verb}`", s.line, _files(s.reads), _files(s.writes)) for s in FLOW]
    return table(("stage", "what it does", "reads", "writes"), rows)


def _files(names: Iterable[str]) -> str:
    return ", ".join(f"`{n}`" for n in names) or "where you say"


def checks() -> str:
    """The table of checks."""
    can = {"support": "support or contradict", "veto": "contradict only", "note": "neither"}
    rows = [
        (
            f"[`{c.code}`](checks/{c.code}.md)",
            c.unit,
            c.names,
            can[c.polarity],
            "yes" if c.code in SUPPORTING else "no",
            c.question,
        )
        for c in CHECKS
    ]
    return table(("code", "unit", "label names", "it can", "reads the value", "question"), rows)


def check_sections() -> str:
    """One paragraph per check, with a link to its page."""
    return "\n".join(f"**{c.code}, [{PAGES[c.code].title}](checks/{c.code}.md).** {PAGES[c.code].computed}\n"
                     for c in (*CHECKS, *RUN_LEVEL))  # fmt: skip


# a page per check


def check_page(check: CheckInfo) -> str:
    """The page of one check: what it asks, how it is computed, the power measured, when it misleads."""
    page, can = PAGES[check.code], {"support": "support or contradict", "veto": "contradict only", "note": "neither"}
    head = ("about", "label names", "it can", "reads the value", "where the method is from")
    reads = "yes" if check.code in SUPPORTING else "no"
    about = (check.unit, check.names or "none", can[check.polarity], reads, page.source)
    lines = [
        f"<!-- written by docs/make_reference.py from verification/pages.py and {measuring.NAME} -->\n",
        f"# {check.code}: {page.title}\n", "## What it asks\n", f"{check.question}\n", table(head, [about]),
        "## How it is computed\n", f"{page.computed}\n", "## Power measured\n", _power_of(check.code, page.catches),
        "## When it misleads\n", *(f"- {m}" for m in page.misleads), "",
        "[All checks](../checks.md) · [what power is](../../why-it-is-valid.md)\n",
    ]  # fmt: skip
    return "\n".join(lines)


def _power_of(code: str, catches: tuple[str, ...]) -> str:
    """Recall of planted faults by way of planting and set; faults that are its business come first."""
    rows = measuring.measured(code)
    if not rows:
        what = "No planted fault is its business." if not catches else (
            "Not measured: in the sets of the shipped measurement it speaks of none of its faults."
        )  # fmt: skip
        return what + (f" Its faults: {', '.join(f'`{o}`' for o in catches)}.\n" if catches else "\n")
    names = list(dict.fromkeys(r.set for r in rows))
    cells = {(r.way, r.set): r.words for r in rows}
    own = list(dict.fromkeys(r.way for r in rows if r.operator in catches))
    other = [w for w in dict.fromkeys(r.way for r in rows) if w not in own]
    shown = [(f"**{w}**" if w in own else w, *(cells.get((w, n), "") for n in names)) for w in [*own, *other]]
    held = measuring.content()
    missing = sorted(set(catches) - {r.operator for r in rows})
    note = f" Its faults that none of these sets allows: {', '.join(f'`{o}`' for o in missing)}." if missing else ""
    columns = (f"{n} ({held['sets'][n]['sessions']} sessions)" for n in names)
    return (
        "Recall on planted faults; in brackets the 95 % interval, the share of the same places in the originals that "
        f"it flags, and n. Faults that are its business in bold.{note} Measured with\n\n"
        f"```sh norun\n{held['command']}\n```\n\n" + table(("fault", *columns), shown)
    )


def operators() -> str:
    """The table of planting operators."""
    from assay.planting.faults import OPERATORS

    rows = [
        (f"`{name}`", spec.scope, spec.breaks, ", ".join(spec.kinds), spec.means)
        for name, spec in sorted(OPERATORS.items())
    ]
    return table(("operator", "unit", "breaks", "kinds", "what it does"), rows)


def errors() -> str:
    """Every error with its exit code."""
    rows = []

    def walk(kind: type[assay.errors.AssayError], depth: int) -> None:
        line = (kind.__doc__ or "").strip().split("\n")[0]
        rows.append(("&nbsp;&nbsp;" * depth + f"`{kind.__name__}`", str(kind.exit_code), line))
        for sub in kind.__subclasses__():
            if sub.__module__ == "assay.errors":
                walk(sub, depth + 1)

    walk(assay.errors.AssayError, 0)
    return table(("error", "exit code", "when"), rows)


def acts() -> str:
    """The core acts."""
    rows = [(f"`{name}`", act.meaning, ", ".join(act.sets)) for name, act in core_acts.CORE_ACTS.items()]
    return table(("core act", "meaning", "acts of public sets that map onto it"), rows)


def models() -> str:
    """What --model, --judge and --assistant take."""
    from assay.models.resolve import NAMES

    return table(("name", "what it is"), [(f"`{n.split()[0]}`", " ".join(n.split()[1:])) for n in NAMES])


PARTS_OF_A_BLUEPRINT = tuple(
    m
    for m in vars(parts).values()
    if inspect.isclass(m) and issubclass(m, parts.Part) and m is not parts.Part
)
MORE_PARTS = (layers.Layers, layers.Subtopic, layers.Persona, layers.Grow, tools.Tool, tools.Relevance, tools.Taste)
PARTS: dict[str, Callable[[], str]] = {
    "commands": cli,
    "run-files": run_files,
    "session-form": lambda: records(
        (session.Session, session.Turn, session.Disclosure, session.Knowledge, outcome.Outcome, outcome.Picks, outcome.Flag)
    ),
    "scenario": lambda: records((scenario.Scenario, layers.Thought)),
    "verdict": lambda: records((verdict.Verdict, verdict.Quote)),
    "label": lambda: records((label.Label,)),
    "certificate": lambda: records((certificate.Certificate, certificate.Claim, certificate.Estimate)),
    "checks": checks,
    "check-sections": check_sections,
    "operators": operators,
    "errors": errors,
    "core-acts": acts,
    "models": models,
    "blueprint": lambda: records((blueprints.Blueprint, *PARTS_OF_A_BLUEPRINT, *MORE_PARTS)),
}
"""Name of a generated part -> what writes it."""


def current(page: str) -> str:
    """A page with its generated parts as they are now."""
    return PART.sub(lambda m: f"{m[1]}\n{PARTS[m['name']]().strip()}\n\n{m[3]}", page)


def main() -> int:
    """Write or check all pages."""
    parser = argparse.ArgumentParser(description="Write the generated parts of docs/reference.")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    stale = []
    for path in sorted(FOLDER.glob("*.md")):
        before = path.read_text(encoding="utf-8")
        now = current(before)
        if now != before:
            stale.append(path.name)
            if not given.check:
                path.write_text(now, encoding="utf-8")
    wanted = {FOLDER / "checks" / f"{c.code}.md": check_page(c) for c in (*CHECKS, *RUN_LEVEL)}
    for path in sorted({*wanted, *FOLDER.glob("checks/*.md")}):
        if path in wanted and path.is_file() and path.read_text(encoding="utf-8") == wanted[path]:
            continue
        stale.append(f"checks/{path.name}")
        if not given.check and path in wanted:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        elif not given.check:
            path.unlink()
    sys.stdout.write(f"{'not current' if given.check else 'written'}: {', '.join(stale) or 'nothing'}\n")
    return int(given.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
