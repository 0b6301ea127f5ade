"""The answers while they are given: kept in a CSV that is whole after every click."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.certification.answers import ADJUDICATOR, agreement, by_item, canon
from assay.errors import BadAnswers
from assay.pages.review.questions import Item
from assay.records.label import Kind
from assay.records.storage import atomic_write

LONGEST_NAME = 60
LONGEST_ANSWER = 2_000
Row = dict[str, str]


class Desk:
    """Questions, and the answers of any number of people.

    `head` are the columns of the CSV: id of the question, who, answer, seconds. Every change is on the disk before it
    is confirmed, in one move, so that a killed server loses nothing. kinds: question id -> kind of value (pairs have
    none: every answer is a category). Raises BadAnswers for a file of answers to other questions.
    """

    def __init__(self, items: Sequence[Item], path: Path, head: Sequence[str], kinds: Mapping[str, Kind]) -> None:
        self.items, self.path, self.head = list(items), path, tuple(head)
        self.kinds: dict[str, Kind] = {i.id: kinds.get(i.id, "category") for i in items}
        self.place = {item.id: n for n, item in enumerate(self.items)}
        self._before: dict[str, list[tuple[str, Row | None]]] = {}
        self.rows: dict[tuple[str, str], Row] = {}
        for row in self._read():
            self.rows[row[self.head[1]], row[self.head[0]]] = row

    def _read(self) -> list[Row]:
        if not self.path.exists():
            return []
        try:
            reader = csv.DictReader(io.StringIO(self.path.read_text(encoding="utf-8-sig"), newline=""))
            rows = [{c: (row.get(c) or "").strip() for c in self.head} for row in reader]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise BadAnswers(f"cannot read the answers so far: {error}", where=str(self.path)) from error
        strange = [r[self.head[0]] for r in rows if r[self.head[0]] not in self.place]
        if strange:
            raise BadAnswers(
                f"{len(strange)} answers are to other questions, the first to {strange[0]!r}",
                where=str(self.path), now="move the file away, or keep these answers in another one with --answers",
            )  # fmt: skip
        by_item(self._plain(rows), self.kinds)
        return rows

    def _plain(self, rows: Sequence[Row]) -> list[Row]:
        key, who, answer, _ = self.head
        return [{"sample_id": r[key], "assessor": r[who], "answer": r[answer]} for r in rows]

    def answer(self, who: str, item: str, answer: str, seconds: float) -> None:
        """Keep an answer; an earlier one of the same person to the same question is replaced.

        Raises BadAnswers for an unknown question, an empty or over-long answer or name, or one that is no option.
        """
        if item not in self.place:
            raise BadAnswers(f"no question {item!r}", now="load the page again")
        asked, said, who = self.items[self.place[item]], answer.strip(), who.strip()
        if not who or len(who) > LONGEST_NAME or not who.isprintable():
            raise BadAnswers("a name of 1 to 60 printable characters is needed", now="enter your name")
        if not said or len(said) > LONGEST_ANSWER:
            raise BadAnswers(f"an answer has 1 to {LONGEST_ANSWER:,} characters", now="shorten the answer")
        allowed = {*asked.options, *asked.always}
        parts = said.split(";") if asked.multiple else [said]
        if asked.options and any(p.strip() not in {*allowed, "nothing"} for p in parts):
            raise BadAnswers(f"{said!r} is no option of this question", now="choose one of those that are shown")
        key = (who, item)
        row = dict(zip(self.head, (item, who, said, f"{max(seconds, 0.0):.1f}"), strict=True))
        before = self.rows.pop(key, None)
        self._keep({**self.rows, key: row})
        self._before.setdefault(who, []).append((item, before))

    def undo(self, who: str) -> str | None:
        """Take back the last answer of a person; the question's id, or None where there is none."""
        steps = self._before.get(who)
        if steps:
            item, before = steps.pop()
        else:
            own = [i for w, i in self.rows if w == who]
            if not own:
                return None
            item, before = own[-1], None
        left = {k: r for k, r in self.rows.items() if k != (who, item)}
        if before is not None:
            left[who, item] = before
        self._keep(left)
        return item

    def _keep(self, rows: dict[tuple[str, str], Row]) -> None:
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, self.head, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())
        atomic_write(self.path, buffer.getvalue().encode("utf-8", "surrogatepass"))
        self.rows = rows

    def answers_to(self, item: str) -> dict[str, str]:
        """Who -> answer, the adjudicator's too."""
        return {w: r[self.head[2]] for (w, i), r in self.rows.items() if i == item}

    def disagreements(self) -> list[int]:
        """Places of the questions on which people differ, whether adjudicated or not."""
        said: dict[str, set[str]] = {}
        for (who, item), row in self.rows.items():
            if who != ADJUDICATOR:
                said.setdefault(item, set()).add(canon(row[self.head[2]], self.kinds[item]))
        return sorted(self.place[i] for i, answers in said.items() if len(answers) > 1)

    def overview(self, who: str) -> dict[str, Any]:
        """Progress, people and agreement, as the page shows them."""
        people: dict[str, int] = {}
        for name, _ in self.rows:
            people[name] = people.get(name, 0) + 1
        apart = self.disagreements()
        settled = {self.place[i] for w, i in self.rows if w == ADJUDICATOR}
        return {
            "total": len(self.items), "answered": people.get(who, 0),
            "people": [{"name": n, "answered": k} for n, k in sorted(people.items()) if n != ADJUDICATOR],
            "disagreements": len(apart), "settled": len(settled & set(apart)), "agreement": self.agreement(),
        }  # fmt: skip

    def agreement(self) -> dict[str, Any]:
        """Krippendorff's alpha of everybody, and Cohen's kappa where two people answered; null below 10 items."""
        given = by_item(self._plain(list(self.rows.values())), self.kinds)
        people = sorted({w for w, _ in self.rows} - {ADJUDICATOR})
        both = [said for said in given.values() if len(said.keys() - {ADJUDICATOR}) > 1]
        kappa = None
        if len(people) == 2 and len(both) >= 10:
            kappa = cohen([(canon(s[people[0]], "category"), canon(s[people[1]], "category")) for s in both])
        alpha = agreement(given, self.kinds)
        return {"alpha": None if alpha is None else round(alpha, 3), "kappa": kappa, "shared": len(both)}


def cohen(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two people's answers, rounded; None when all answers are the same (it is undefined then)."""
    from sklearn.metrics import cohen_kappa_score

    one, two = zip(*pairs, strict=True)
    if len({*one, *two}) < 2:
        return None
    return round(float(cohen_kappa_score(one, two)), 3)
