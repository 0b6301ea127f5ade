"""What people answered to the `tune` part of an earlier sample, as gold for the next labelling. Never `certify`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.certification.answers import canon, canon_value, read_answers, settle
from assay.errors import BadInput
from assay.records.label import Label
from assay.records.label_schema import AskedLabel
from assay.records.storage import read
from assay.runs.folder import RunFolder
from assay.verification.annotators.people import NOTHING, Row


def tune_answers(directory: Path, labels: Sequence[AskedLabel]) -> list[Row]:
    """Rows (session, turn, name, label) of the answered tune items of a folder: its last sample and answers.csv.

    Answers that name no listed value (cannot tell, several fit, none of these, a disagreement) are left out; certify
    answers are never read. Raises BadInput where there is no answered sample, or none of it is `tune`.
    """
    with RunFolder(directory) as folder:
        if not folder.has("sample.json") or not folder.has("answers.csv"):
            raise BadInput(
                "no answered sample in the folder", where=str(directory),
                now="draw one with `assay sample DIR -n 0 --tune 200 --out SAMPLE.csv`; answers go to DIR/answers.csv",
            )  # fmt: skip
        items: list[dict[str, Any]] = folder.json("sample.json")["items"]
        found: dict[str, Label] = {x.id: x for x in read(folder.path, "labels")}
    gone = [i for i in items if i["label"] not in found]
    if gone:
        raise BadInput("labels of the sample are no longer in the folder", where=str(directory), now="draw a new one")
    kinds = {i["sample_id"]: found[i["label"]].kind for i in items}
    finals = settle(read_answers(directory / "answers.csv"), kinds)
    schema = {x.name: x for x in labels}
    rows: list[Row] = []
    for item in (i for i in items if i["role"] == "tune"):
        label, final = found[item["label"]], finals[item["sample_id"]]
        if label.name not in schema or final.outcome != "value":
            continue
        said = _listed(final.text, schema[label.name])
        if said is not None:
            place = {"session": label.session, "turn": "" if label.turn is None else str(label.turn)}
            rows.append((f"{directory}, {item['sample_id']}", {**place, "name": label.name, "label": said}))
    if not rows:
        raise BadInput(
            "no answered `tune` label in the folder", where=str(directory),
            now="only tune answers may be learnt from: assay sample DIR -n 0 --tune 200 --out SAMPLE.csv",
        )  # fmt: skip
    return rows


def _listed(text: str, label: AskedLabel) -> str | None:
    """The listed value or values that an answer names, or None where it names another."""
    if label.kind == "category":
        by_form = {canon_value(v, "category"): v for v in label.values}
        return by_form.get(canon(text, "category"))
    by_form = {canon_value([v], "set"): v for v in label.values}
    parts = [p for p in canon(text, "set").split("\x1f") if p]
    if any(p not in by_form for p in parts):
        return None
    return "; ".join(by_form[p] for p in parts) or NOTHING
