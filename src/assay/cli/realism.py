"""assay realism."""

from pathlib import Path
from textwrap import fill, shorten
from typing import Any

import typer

from assay.cli.console import JSON, QUIET, Bars, result
from assay.cli.wording import table

WIDTH, SHOWN = 110, 3


def command(
    simulated: Path = typer.Argument(..., metavar="SIMULATED", help="Session file or run folder."),
    real: Path = typer.Argument(..., metavar="REAL", help="Session file or run folder of real sessions."),
    out: Path | None = typer.Option(None, "--out", help="Folder for realism.json, realism.html and pairs.csv."),
    speaker: str | None = typer.Option(None, "--speaker", help="Whose lines count; default: the user's."),
    map: Path | None = typer.Option(None, "--map", help="YAML: whose private facts, as for import."),
    pairs: int = typer.Option(60, "--pairs", help="Real-or-simulated pairs to draw for people."),
    permutations: int = typer.Option(200, "--permutations", help="Refits under permuted classes."),
    seed: int = typer.Option(0, "--seed", help="Seed of samples, folds and permutations."),
    as_json: bool = JSON,
    quiet: bool = QUIET,
) -> None:
    """What tells simulated sessions from real ones, and by how much.

    Example: assay realism runs/r1 real.jsonl.gz --out realism. Reads two sets of sessions, writes a page and pairs.
    """
    from assay.door.realism import realism

    found = realism(
        simulated, real, out=out, speaker=speaker, mapping=map, pairs=pairs, permutations=permutations, seed=seed,
        progress=Bars(quiet),
    )  # fmt: skip
    result(found, as_json, _words(found))


def _words(found: dict[str, Any]) -> str:
    """The verdict, the areas and the distributions that differ, for the terminal."""
    rows = [
        ("unit", "area", "95 % interval", "p", "after Holm", "real vs real", "control", "length only", "format only")
    ]
    for unit in ("turn", "session"):
        d = found["RL01"][unit]
        limits = "-" if d["ci"] is None else f"{d['ci'][0]:.2f} to {d['ci'][1]:.2f}"
        cells = [d["auc"], d["null_auc"], d["positive_control"], d["length_only"], d["format_only"]]
        area, null, control, length, form = ("-" if c is None else f"{c:.2f}" for c in cells)
        rows.append((unit, area, limits, f"{d['p']:.2g}", f"{d['p_holm']:.2g}", null, control, length, form))
    different = [(n, d) for n, d in found["RL02"].items() if d["says"] == "different"]
    more = [("differs", "TV", "upper", "real halves"), *(
        (n, f"{d['tv']:.2f}", f"{d['tv_upper']:.2f}", f"{d['real_95']:.2f}") for n, d in different
    )]  # fmt: skip
    report = f"\nReport: {found['report']}" if "report" in found else ""
    noted = "".join(f"\n{fill('Note: ' + n, WIDTH)}" for n in found["notes"])
    # n-grams are many: where nothing differs after Holm, those that stick out are chance
    cues = _cues(found["cues"]) if any(t["shown"] for t in found["holm"]["tests"]) else []
    parts = [fill(found["verdict"], WIDTH) + noted, table(rows), *([table(more)] if different else []), *cues]
    return "\n\n".join(parts) + report


def _cues(cues: list[dict[str, Any]]) -> list[str]:
    """What one side has more of, with an example each; nothing where nothing stands out."""
    rows = [("more in", "cue", "simulated", "real", "for example")]
    for side in ("simulated", "real"):
        own = [c for c in cues if c["more_in"] == side]
        for kind in ("behaviour", "words"):
            for c in [c for c in own if c["kind"] == kind][:SHOWN]:
                share = c["unit"] == "share of turns"
                sim, real = (f"{100 * v:.0f} %" if share else f"{v:.1f}" for v in (c["simulated"], c["real"]))
                name = f'"{c["cue"]}"' if kind == "words" else c["cue"]
                rows.append((side, name, sim, real, shorten(c["example"] or "-", 60, placeholder=" ...")))
    return [table(rows)] if len(rows) > 1 else []
