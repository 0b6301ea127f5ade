"""Planting: known faults in a copy of a run, and what share of them each check catches."""

from assay.planting.battery import Battery
from assay.planting.faults import OPERATORS, Report, plant, restore
from assay.planting.power import Plan, borrow, measure, most_confusable
from assay.planting.run import Aids, Reword, Run
from assay.planting.truth import Planted, read_truth, write_truth

__all__ = [
    "OPERATORS",
    "Aids",
    "Battery",
    "Plan",
    "Planted",
    "Report",
    "Reword",
    "Run",
    "borrow",
    "measure",
    "most_confusable",
    "plant",
    "read_truth",
    "restore",
    "write_truth",
]
