"""The page of a power measurement: the heat map, the tables beside it, and the figures by label name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.pages.heat import heat
from assay.pages.numbers import rates
from assay.pages.report import UNSAFE, policy
from assay.pages.report import _asset as asset
from assay.pages.report import _environment as environment
from assay.records.storage import atomic_write


def write_power_page(directory: str | Path, power: Mapping[str, Any]) -> Path:
    """Write `power.html` of a measurement (the content of power.json) into a folder and return its path.

    The page loads nothing and holds no text of the sessions. Raises StorageFailed when it cannot be written.
    """
    path, style = Path(directory) / "power.html", asset("report.css")
    page = environment().get_template("powerpage.html.j2").render(
        power=power, heat=heat(power), rates=rates(power), style=style, policy=policy(style, ""),
        TIERS=(), TIER_MEANS={}, STATUS={},
    )  # fmt: skip
    atomic_write(path, UNSAFE.sub("\ufffd", page).encode("utf-8"))
    return path
