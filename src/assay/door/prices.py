"""What models cost: the price table of a command, the money that was spent by role, the purse of a run."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from assay.errors import BadInput
from assay.records.yaml_text import load_yaml
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger
from assay.runs.purse import Price, Prices, Purse

FORM = "--price openai:NAME=0.15/0.60, or a YAML file of such lines, openai:NAME: 0.15/0.60 (USD per million tokens)"
ROLES = {
    "word": "user", "script": "user", "assist": "assistant", "assist_start": "assistant", "assist_stop": "assistant",
    "grow": "author", "reflect": "author", "plant": "power",
}  # fmt: skip
"""Purpose of a call -> whose it is; all others are a judge's."""


def price_table(given: Sequence[str]) -> dict[str, Price]:
    """Model -> price, from `NAME=PROMPT/GENERATED` and YAML files of `NAME: PROMPT/GENERATED`, later ones first.

    Raises BadInput for a price of another form, or a file that is no such table.
    """
    found: dict[str, Price] = {}
    for entry in given:
        name, equals, cost = entry.rpartition("=")
        if not equals and Path(entry).is_file():
            found |= {str(k): _price(str(k), v, entry) for k, v in _table(Path(entry)).items()}
        else:
            found[name] = _price(name, cost, entry)
    return found


def _table(path: Path) -> Mapping[Any, Any]:
    try:
        table = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"the price table cannot be read: {error}", where=str(path), now=FORM) from error
    if not isinstance(table, Mapping) or not table:
        raise BadInput("a price table is a mapping of models to prices", where=str(path), now=FORM)
    return table


def _price(name: str, cost: Any, entry: str) -> Price:
    try:
        parts = cost.split("/") if isinstance(cost, str) else cost
        prompt, generated = (float(x) for x in parts)
        if not (name and 0 <= prompt < math.inf and 0 <= generated < math.inf):
            raise ValueError
    except (TypeError, ValueError) as error:
        what = entry if "=" in entry else f"{name}: {cost}"
        raise BadInput(f"not a price: {what!r}", where="--price", now=FORM) from error
    return Price(prompt, generated)


def spent(ledger: Ledger, prices: Prices, roles: frozenset[str] | None = None) -> tuple[float, list[dict[str, Any]]]:
    """(USD of all answers whose price is known, a row per role and model) over the life of a run.

    A row has what was counted (Ledger.usage) and `usd`, null where no price is known and something was answered. Calls
    that failed or were cut off may have cost something that nobody counted.
    """
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for identity, purpose, counts in ledger.usage_by_model():
        role = ROLES.get(purpose, "judge")
        if roles is not None and role not in roles:
            continue
        price = prices.of(identity)
        key = (role, str(identity.get("model", "")), str(identity.get("host", "")))
        row = rows.setdefault(key, {"role": role, "model": key[1], "host": key[2] or None, "usd": 0.0})
        for name, n in counts.items():
            row[name] = row.get(name, 0) + n
        if price is None:
            row["usd"] = None if counts["answered"] else row["usd"]
        elif row["usd"] is not None:
            row["usd"] += price.usd(counts["prompt_tokens"], counts["completion_tokens"])
    total = sum(row["usd"] or 0.0 for row in rows.values())
    for row in rows.values():
        row["usd"] = None if row["usd"] is None else float(f"{row['usd']:.6g}")
    return total, [rows[key] for key in sorted(rows)]


def money_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Role -> USD, null where a price is not known; `total` of those that are known."""
    found: dict[str, float | None] = {}
    for row in rows:
        before = found.get(row["role"], 0.0)
        found[row["role"]] = None if before is None or row["usd"] is None else float(f"{before + row['usd']:.6g}")
    return {**found, "total": float(f"{sum(v or 0.0 for v in found.values()):.6g}")}


def purse_of(ledger: Ledger, max_cost: float | None, price: Sequence[str]) -> Purse | None:
    """The purse of a run's words, assistant, pools and planted faults; what was spent on them before counts."""
    if max_cost is None:
        return None
    prices = Prices(price_table(price))
    before, _ = spent(ledger, prices, frozenset(ROLES.values()))
    return Purse(max_cost, prices, frozenset(ROLES), before)


def note_budget(folder: RunFolder, max_cost: float | None, price: Sequence[str]) -> tuple[str, ...]:
    """Keep what a command was told of money in run.json, beside the configuration: money changes no result.

    Returns all prices that the folder knows now, the newest last.
    """
    from assay.records.storage import write_json

    run = folder.run()
    held = run.get("budget") or {}
    known = [*(p for p in held.get("price", ()) if p not in price), *_lines(price)]
    new = {"max_cost": max_cost if max_cost is not None else held.get("max_cost"), "price": known}
    if run and (known or new["max_cost"] is not None) and new != held:
        write_json(folder.file("run.json"), {**run, "budget": new})
    return tuple(known)


def _lines(price: Sequence[str]) -> list[str]:
    """Prices as single entries: a file may be gone when the folder is opened again."""
    out: list[str] = []
    for entry in price:
        table = price_table([entry])
        out += [f"{name}={p.prompt:g}/{p.generated:g}" for name, p in table.items()]
    return out
