"""The records that stages exchange. Stages never import each other; they meet here."""

from assay.records.base import Record, canonical, digest
from assay.records.blueprint import Blueprint
from assay.records.certificate import Certificate, Claim, Estimate
from assay.records.core_acts import CORE_ACTS
from assay.records.label import Given, Label, label_id, labels_of
from assay.records.scenario import Scenario
from assay.records.session import Disclosure, Session, Turn
from assay.records.storage import read, read_rows, write_rows
from assay.records.verdict import Quote, Status, Verdict

__all__ = [
    "CORE_ACTS",
    "Blueprint",
    "Certificate",
    "Claim",
    "Disclosure",
    "Estimate",
    "Given",
    "Label",
    "Quote",
    "Record",
    "Scenario",
    "Session",
    "Status",
    "Turn",
    "Verdict",
    "canonical",
    "digest",
    "label_id",
    "labels_of",
    "read",
    "read_rows",
    "write_rows",
]
