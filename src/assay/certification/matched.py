"""A sample's items matched with labels and with what people answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.certification.answers import agreement, by_item, canon_value, settle
from assay.certification.claims import Item
from assay.certification.sample import listed
from assay.errors import BadAnswers, BadInput
from assay.records.base import digest
from assay.records.label import Label


@dataclass(frozen=True, slots=True)
class Matched:
    """The answers to a sample, matched with labels. Items stand in the order of the sample's permutation."""

    listed: list[Label]
    """Labels that the sample was drawn from."""
    certify: list[Item]
    """All certify items, unanswered ones included."""
    tune: list[Item]
    """Tune items that were answered."""
    planted: list[Item]
    """Planted items that were answered."""
    ids: dict[str, str]
    """Label id -> sample id of certify items."""
    agreement: dict[str, float | None]
    """Label name -> agreement of the assessors, None where it was not measurable."""
    digest: str
    """sha256 of all answers."""
    outside: int = 0
    """Labels that could be drawn and are not listed."""

    @property
    def names(self) -> list[str]:
        """Names of the listed labels, sorted."""
        return sorted({x.name for x in self.listed})

    @property
    def answered(self) -> set[str]:
        """Sample ids of certify items with an answer."""
        return {self.ids[x.label.id] for x in self.certify if x.final.outcome != "unanswered"}


def match(labels: Sequence[Label], sample: Mapping[str, Any], rows: Sequence[Mapping[str, str]]) -> Matched:
    """Match items with labels and answers.

    Raises BadAnswers for answers that do not fit the sample, BadInput when a sampled label is gone.
    """
    by_id = {x.id: x for x in labels}
    items = [i for i in sample["items"] if i["label"] in by_id]
    if len(items) < len(sample["items"]):
        raise BadInput("labels of the sample are no longer in the run", now="draw a new sample: assay sample DIR -n N")
    if not rows:
        raise BadAnswers("no answers", now="one row per sample_id and assessor")
    kinds = {i["sample_id"]: by_id[i["label"]].kind for i in items}
    given, finals = by_item(rows, kinds), settle(rows, kinds)
    parts: dict[str, list[Item]] = {"certify": [], "tune": [], "planted": []}
    for i in items:
        label = by_id[i["label"]]
        item = Item(label, finals[i["sample_id"]], canon_value(i["truth"], label.kind))
        if i["role"] == "certify" or item.final.outcome != "unanswered":
            parts[i["role"]].append(item)
    of_name: dict[str, dict[str, dict[str, str]]] = {}
    for i in items:
        of_name.setdefault(by_id[i["label"]].name, {})[i["sample_id"]] = given[i["sample_id"]]
    certify = {i["label"]: i["sample_id"] for i in items if i["role"] == "certify"}
    return Matched(
        listed(labels, sample["names"], sample.get("least")),
        **parts,
        ids=certify,
        agreement={name: agreement(said, kinds) for name, said in sorted(of_name.items())},
        digest=digest([[i, sorted(said.items())] for i, said in sorted(given.items())]),
        outside=int(sample.get("population", sample["listed"])) - int(sample["listed"]),
    )
