"""init by questions, or by looking at somebody's sessions: a commented blueprint full of proposals."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.authoring.blueprints import parse_blueprint
from assay.authoring.lint import public_values
from assay.authoring.sketch import DEFAULT, Asked, Sketch, Wanted, sketched, snake
from assay.errors import BadInput, BadSessions
from assay.importing.sessions import import_sessions as read_sessions
from assay.records.blueprint import Blueprint
from assay.records.session import Session
from assay.records.storage import atomic_write

Ask = Callable[[str, str], str]
"""(question, what is taken for an empty answer) -> answer."""

MOST_GOALS, MOST_ASKED = 8, 12
NEEDED = 0.3
"""Share of the sessions of a goal in which something is told before the goal is said to need it."""
GOALS = ("goal", "goals", "intent", "intents", "active_intent", "task")
"""Labels that may name what a user wants, tried in this order."""
WANTS = re.compile(
    r"\b((?:find|book|return|cancel|change|modify|check|exchange|order|buy|reserve|get|track|update|add|remove|pay|schedule|"
    r"return|send back|report|reset|open|close|renew|move|upgrade)\b(?: [a-z]+){1,5})", re.I,
)  # fmt: skip
"""What users say that they want: a verb of doing and what follows."""
CUT = re.compile(
    r" (?:in|from|for|at|with|on|to|of|and|that|which|please|by|because|since|as|but|i|you|it|me|about)\b.*"
)
CODE = re.compile(r"(?<![\w@.-])(?=[\w-]*\d{3})(?=[\w-]*[A-Z])[A-Z0-9]+(?:-[A-Z0-9]+)*(?![\w@-])")
PHONE = re.compile(r"\+?\(?\d[\d\s().-]{5,}\d")
PERSON = re.compile(r"\b(name|customer|person|patient|passenger|guest|caller|contact|doctor|user)\b")
"""Names of slots whose values are people."""
PEOPLE = ("Alex Moreno", "Tessa Lind", "Sam Okafor", "Nadia Rossi")
"""Invented."""
LITTLE = frozenset(("a", "an", "the", "my", "some", "any", "your", "this", "that", "new"))
MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
MAILS = ("j.moreno@example.com", "tessa.lind@example.org", "okafor88@example.net")
"""Invented: nobody's address goes into a blueprint."""


def init_by_questions(out: str | Path, ask: Ask) -> dict[str, Any]:
    """Ask what users want and what they must be asked for, and write a blueprint; returns its name and counts.

    Raises BadInput when `out` is there already, or for answers that no blueprint can be made of.
    """
    target = _new(out)
    title = ask("Who is the assistant, in a few words?", DEFAULT.title)
    goals = _listed(ask("What do users want to do? Separate by commas", ", ".join(w.words for w in DEFAULT.wanted)))
    by_name: dict[str, Asked] = {}
    wanted = []
    default = ", ".join(a.words for a in DEFAULT.asked)
    for words in goals:
        needs = _listed(ask(f"What must the user tell to {words}?", default))
        for need in needs:
            if snake(need) not in by_name:
                by_name[snake(need)] = _asked(need, ask)
        wanted.append(Wanted(snake(words), words, tuple(dict.fromkeys(snake(n) for n in needs))))
    return _write(target, Sketch(snake(title), title, tuple(by_name.values()), tuple(wanted)))


def _asked(words: str, ask: Ask) -> Asked:
    known = {a.words: a for a in DEFAULT.asked}.get(words)
    shown = (known.pattern or ", ".join(known.values)) if known else "@@-####"
    answer = ask(f"Values of {words}, by commas, or a pattern (# a digit, @ a letter)", shown)
    values = tuple(dict.fromkeys(_listed(answer)))
    if len(values) == 1 and re.search(r"[#@]", values[0]):
        return Asked(snake(words), words, pattern=values[0])
    return Asked(snake(words), words, values)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def init_by_sessions(out: str | Path, paths: Sequence[str | Path]) -> dict[str, Any]:
    """Propose a blueprint from sessions, labelled or not: goals with shares, and what is told, with values.

    Goals come from a label (goal, intent, ...), else from openings such as "I want to ..."; what is told from slots in
    turn labels, else from codes and addresses in the user's words. Codes and phone numbers become patterns, e-mail
    addresses and the values of slots that are called after people invented ones; every other value is copied as it
    stands, so read the file before it is passed on. Raises BadInput when `out` is
    there already, BadSessions where no goal or nothing told is found.
    """
    target = _new(out)
    sessions = [s for path in paths for s in read_sessions(Path(path))]
    goals = {s.id: g for s in sessions if (g := _goals_of(s))}
    told = {s.id: _told(s) for s in sessions}
    common = [g for g, _ in Counter(g for some in goals.values() for g in some).most_common(MOST_GOALS)]
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for some in told.values():
        for name, values in some.items():
            held[name].update(values)
    asked = [a for name, c in sorted(held.items(), key=lambda x: (-sum(x[1].values()), x[0])) if (a := _pool(name, c))]
    asked = asked[:MOST_ASKED]
    if not common or not asked:
        raise BadSessions(
            "no goal is found in them" if not common else "nothing that users tell is found in them",
            where=", ".join(map(str, paths)),
            now="label sessions with `goal` and turns with `slots`, or answer questions: assay init FILE --ask",
        )
    wanted = []
    for goal in common:
        own = [told[i] for i, some in goals.items() if goal in some]
        share = {a.name: sum(a.words in t for t in own) / len(own) for a in asked}
        needs = tuple(n for n, x in share.items() if x >= NEEDED) or (max(share, key=lambda n: share[n]),)
        wanted.append(Wanted(snake(goal), goal, needs, float(len(own))))
    used = {n for w in wanted for n in w.needs}
    name = Path(paths[0]).name.split(".")[0]
    sketch = Sketch(
        snake(name), f"An assistant like that of {name}", tuple(a for a in asked if a.name in used),
        tuple({w.name: w for w in wanted}.values()), source=f"{len(sessions)} sessions",
    )  # fmt: skip
    return _write(target, sketch) | {"sessions": len(sessions), "with_goal": len(goals)}


def _goals_of(session: Session) -> tuple[str, ...]:
    """What the user wants, in words; empty where nothing says it."""
    for name in GOALS:
        values = [session.session_labels.get(name), *(t.labels.get(name) for t in session.turns)]
        found = [w for v in values for w in _strings(v)]
        if found:
            return tuple(dict.fromkeys(found))
    for turn in session.turns:
        if turn.speaker == "user" and (match := WANTS.search(turn.text)):
            told = {w for _, some in _slots(turn.labels) for v in some for w in v.lower().split()}
            said = CUT.sub("", " ".join(match[1].lower().split())).split()
            kept = [w for w in said if w not in told and w not in LITTLE]
            if len(kept) > 1:
                return (" ".join(kept),)
    return ()


def _strings(value: Any) -> list[str]:
    some = value if isinstance(value, list | tuple) else [value]
    kept = [str(v).split("/")[-1] for v in some if isinstance(v, str) and v and v.lower() != "none"]
    return [_in_words(v) for v in kept if re.search("[A-Za-z]", v) and len(v) <= 60]


def _in_words(name: str) -> str:
    return " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").split()).lower()


def _told(session: Session) -> dict[str, list[str]]:
    """Name in words -> values that the user told."""
    found: dict[str, list[str]] = defaultdict(list)
    for turn in session.turns:
        if turn.speaker != "user":
            continue
        for name, values in _slots(turn.labels):
            found[_in_words(name)] += [v for v in values if 0 < len(v) <= 60]
        if not found:
            found_here = {"reference": CODE.findall(turn.text), "email address": MAIL.findall(turn.text)}
            found.update({k: v for k, v in found_here.items() if v})
    return dict(found)


def _slots(labels: Mapping[str, Any]) -> Iterable[tuple[str, list[str]]]:
    held = labels.get("slots")
    for name, value in held.items() if isinstance(held, Mapping) else ():
        yield str(name), [str(v) for v in (value if isinstance(value, list | tuple) else [value]) if v is not None]
    acts = labels.get("acts")
    for act in acts if isinstance(acts, list | tuple) else ():
        if (
            isinstance(act, Mapping)
            and act.get("slot")
            and str(act.get("act", act.get("intent", ""))).lower() == "inform"
        ):
            values = act.get("values") or ([act["value"]] if act.get("value") else [])
            yield str(act["slot"]), [str(v) for v in values]


def _pool(name: str, counts: Counter[str]) -> Asked | None:
    """Something told as it goes into the blueprint; None for fewer than two values and names without letters."""
    values = [v for v, _ in counts.most_common(200)]
    if not re.search("[a-z]", name):
        return None
    if values and all(MAIL.fullmatch(v) for v in values):
        return Asked(snake(name), name, MAILS)
    if PERSON.search(name):
        return Asked(snake(name), name, PEOPLE)
    if values and all(CODE.fullmatch(v) or PHONE.fullmatch(v) or re.fullmatch(r"\d{5,}", v) for v in values):
        shape = Counter(re.sub(r"[A-Z]", "@", re.sub(r"\d", "#", v)) for v in values).most_common(1)[0][0]
        return Asked(snake(name), name, pattern=shape)
    kept = tuple(v for v in values if not any(x.search(v) for x in (MAIL, CODE, PHONE)) and v.lower() != "dontcare")
    return Asked(snake(name), name, kept) if len(kept) >= 2 else None


def _new(out: str | Path) -> Path:
    target = Path(out)
    if target.exists():
        raise BadInput("the file is there already", where=str(target), now="choose another name")
    return target


def _write(target: Path, sketch: Sketch) -> dict[str, Any]:
    text = sketched(_private(sketch, parse_blueprint(sketched(sketch), str(target))))
    parse_blueprint(text, str(target))
    atomic_write(target, text.encode("utf-8"))
    return {
        "file": str(target), "goals": [w.words for w in sketch.wanted], "asked": [a.words for a in sketch.asked],
    }  # fmt: skip


def _private(sketch: Sketch, blueprint: Blueprint) -> Sketch:
    """Without values that everybody hears anyway, such as `and` (AU04), where two others are left."""
    heard = {(fact, value) for _, _, fact, value in public_values(blueprint)}
    asked = []
    for a in sketch.asked:
        kept = tuple(v for v in a.values if (a.name, v) not in heard)
        asked.append(replace(a, values=kept) if len(kept) >= 2 else a)
    return replace(sketch, asked=tuple(asked))
