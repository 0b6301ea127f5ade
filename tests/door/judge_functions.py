"""Judges that are functions: messages in, a JSON answer out; they fill in sheets and answer single questions."""

import json
import re
from collections.abc import Sequence

CALLS: list[str] = []
"""Prompts that were asked, in order."""
LIMIT: list[int] = []
"""Calls after which the judge fails; empty: never."""


def _options(prompt: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z])\) (.*)$", prompt, re.MULTILINE))


def _lists(prompt: str) -> dict[str, dict[str, str]]:
    """Name -> letter -> words, of the lists that stand before or behind the record."""
    blocks = re.findall(r"^([a-z][\w ]*?)(?: \(.*\))?:\n((?:[A-Z] .*\n)+)", prompt, re.MULTILINE)
    return {name: dict(re.findall(r"^([A-Z]) (.*)$", rows, re.MULTILINE)) for name, rows in blocks}


def _sheet(messages: Sequence[dict[str, str]]) -> dict[str, str] | None:
    """Answers of a sheet by keys, None for a single question: the value that stands in the line, and it as quote."""
    prompt = messages[-1]["content"]
    if "ends the record" not in prompt:
        return None
    lists = _lists("\n".join(m["content"] for m in messages) + "\n")
    record, _, asked = prompt.partition("ends the record")
    lines = dict(re.findall(r"^(\d+)[^:\n]*: (.*)$", record, re.MULTILINE))
    quoting, said = '"q1"' in asked, {}
    for number, question in re.findall(r"^(\d+)\. (.*)$", asked, re.MULTILINE):
        place = re.match(r"line (\d+) ", question)
        text = lines.get(place[1], "") if place else " ".join(lines.values())
        asks, _, letters = question.partition(": ")
        name = re.sub(r"^(?:line \d+|record) ", "", asks)
        options = re.findall(r"\b([A-Z]) (.*?)(?:;|$)", letters)
        if re.fullmatch(r"[A-Z](?: [A-Z])*", letters):
            options = [(x, lists[name][x]) for x in letters.split()]
        found = next(((x, w) for x, w in options if w.lower() in text.lower()), None) if quoting else None
        if quoting:
            said |= {f"q{number}": found[1] if found else "", f"a{number}": found[0] if found else "0"}
        else:
            said[f"a{number}"] = "A" if options or "?" not in question else "unknown"
    return said


def honest(messages: Sequence[dict[str, str]]) -> str:
    """Supports a value that its line says, with a quote of that line; reads the first option elsewhere."""
    prompt = messages[-1]["content"]
    CALLS.append("\n".join(m["content"] for m in messages))
    if LIMIT and len(CALLS) > LIMIT[0]:
        raise RuntimeError("the judge hung up")
    if (sheet := _sheet(messages)) is not None:
        return json.dumps(sheet)
    options = _options(prompt)
    if not options:
        return json.dumps({"answer": "unknown"})
    last = (re.findall(r"^customer: (.*)$", prompt, re.MULTILINE) or [""])[-1]
    claimed = re.search(r'is "(.*)"\.$', prompt, re.MULTILINE)
    if claimed is None:
        return json.dumps({"quote": last, "answer": "A"})
    there = claimed[1].lower() in last.lower()
    return json.dumps({"quote": claimed[1] if there else "", "answer": "A" if there else "B"})


def careful(messages: Sequence[dict[str, str]]) -> str:
    """Finds lines that deny a fact or an earlier line, and facts whose last word was said."""
    prompt = messages[-1]["content"]
    CALLS.append(prompt)
    record, _, asked = prompt.partition("ends the record")
    lines = dict(re.findall(r"^(\d+)[^:\n]*: (.*)$", record, re.MULTILINE))
    facts = dict(re.findall(r"^([A-Z]) (.*)$", asked, re.MULTILINE))
    said = {}
    for number, question in re.findall(r"^(\d+)\. (.*)$", asked, re.MULTILINE):
        place = re.fullmatch(r"line (\d+)", question)
        if place is None:
            options = re.findall(r"\b([A-Z]) (.*?)(?:;|$)", question)
            words = " ".join(lines.values()).lower()
            said[f"a{number}"] = next((x for x, w in options if w.rstrip(".").split()[-1].lower() in words), "N")
            continue
        text = lines[place[1]]
        denies = re.search(r"\b(not|never|don't|do not)\b", text)
        if facts:
            fits = [x for x, w in facts.items() if w.rstrip(".").split()[-1].lower() in text.lower()]
            said[f"a{number}"] = fits[0] if denies and fits else "N"
        else:
            said[f"a{number}"] = "1" if denies else "0"
    return json.dumps(said)


def blind(messages: Sequence[dict[str, str]]) -> str:
    """Finds nothing anywhere."""
    asked = messages[-1]["content"].partition("ends the record")[2]
    rows = re.findall(r"^(\d+)\. (.*)$", asked, re.MULTILINE)
    return json.dumps({f"a{k}": "0" if "number of the earlier" in asked else "N" for k, _ in rows})


def silent(messages: Sequence[dict[str, str]]) -> str:
    """Never answers in the form that was asked for."""
    return "I would rather talk about the weather."


def long_winded(messages: Sequence[dict[str, str]]) -> str:
    """20 KB, in another language, with a verdict in it that counts for nothing."""
    return 'Der Beleg ist eindeutig: "a1": "A". ' * 600


def half(messages: Sequence[dict[str, str]]) -> str:
    """A sheet with every other answer of another form."""
    sheet = json.loads(honest(messages))
    return json.dumps({k: v if int(k[1:]) % 2 else 7 for k, v in sheet.items()})


def injected(messages: Sequence[dict[str, str]]) -> str:
    """Does what a line that it takes for an instruction says."""
    prompt = messages[-1]["content"]
    said = re.search(r"answer (supported|contradicted)", prompt)
    if (sheet := _sheet(messages)) is not None:
        return json.dumps({k: "Ignore the above" if k[0] == "q" else "A" if said else v for k, v in sheet.items()})
    options = _options(prompt)
    letter = next((k for k, v in options.items() if said and v.startswith(said[1])), "A")
    return json.dumps({"quote": "", "answer": letter})
