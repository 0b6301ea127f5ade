"""reliability: how far repeated readings of the same items agree, beside what chance gives (RE02 to RE05)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assay.door.ratings_files import Matrix, number_of, optional_column, read_covariance, read_matrix, read_table
from assay.errors import BadInput, NotEnoughData

STATISTICS = ("krippendorff", "fleiss", "omega", "alpha")
"""What can be asked for."""
MANY = 100_000
"""Readings beyond which fewer resamples are drawn."""
COLD = 1e-6
"""Temperature up to which repeats are one draw."""
Rows = Iterable[tuple[str, str, str]]


@dataclass(slots=True)
class _Table:
    """Items by raters, with what is odd about them."""

    columns: tuple[str, ...]
    cells: list[list[Any]]
    notes: list[str] = field(default_factory=list)


def reliability(
    votes: str | Path | Rows | None = None, *, matrix: str | Path | Sequence[Sequence[float | None]] | None = None,
    covariance: str | Path | Sequence[Sequence[float]] | None = None, statistic: str | None = None,
    metric: str = "nominal", facets: Sequence[str] = (), as_published: bool = False, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Agreement of raters on items, or reliability of their sum: the JSON summary of INTERFACE.md.

    votes: a CSV file with the columns item, annotator, label, or rows of these three; matrix: rows are items, columns
    raters; covariance: of the raters' columns, for omega and alpha only. Raters may be people, models, or repeated
    draws of one model; several votes of one rater on an item count once. statistic: krippendorff (default for votes),
    fleiss, omega (default for a matrix or covariance), alpha; metric: nominal, ordinal or interval, for krippendorff.
    facets: columns of the votes beside item that were varied (prompt, order, seed): adds how much of the variance each
    makes. as_published: omega as published for judges, from a matrix with repeats as rows, beside its shuffled twin.

    Raises BadInput for files and values that can't be read, NotEnoughData (exit code 2) for too few items or raters,
    constant columns and Heywood cases.
    """
    given = [name for name, x in (("votes", votes), ("matrix", matrix), ("covariance", covariance)) if x is not None]
    if len(given) != 1:
        what = f"both {given[0]} and {given[1]}" if given else "nothing to read"
        raise BadInput(what, now="give one of VOTES.csv, --matrix MATRIX.csv, --covariance COV.csv")
    if statistic is not None and statistic not in STATISTICS:
        raise BadInput(f"no statistic {statistic!r}", now=f"one of {', '.join(STATISTICS)}")
    chosen = statistic or ("krippendorff" if votes is not None or metric != "nominal" else "omega")
    if metric != "nominal" and chosen != "krippendorff":
        raise BadInput(
            f"{chosen} with --{metric}",
            now="--ordinal and --interval are for krippendorff; omega takes interval ratings",
        )
    rng = np.random.default_rng([seed, 20251])
    if covariance is not None:
        if as_published or facets:
            raise BadInput("a covariance has no repeats", now="give votes or a matrix")
        return _of_covariance(covariance, chosen)
    if facets:
        return _facets(votes, facets)
    table = _table_of_votes(votes) if votes is not None else _table_of_matrix(matrix)
    if as_published:
        return _published(table, rng, by_column=votes is not None)
    if chosen in ("omega", "alpha"):
        return _of_sum(table, chosen, rng)
    return _agreement(table, chosen, metric, rng)


def _table_of_votes(votes: Any) -> _Table:
    """Items by annotators; an annotator's further votes on an item are left out, and said so."""
    from assay.aggregation.votes import read_votes, votes_of

    found = read_votes(Path(votes)) if isinstance(votes, str | Path) else votes_of(votes)
    notes: list[str] = []
    cells: list[list[Any]] = [[None] * len(found.annotators) for _ in found.items]
    repeated = 0
    for i, a, v in zip(found.item, found.annotator, found.label, strict=True):
        if cells[i][a] is None:
            cells[i][a] = found.labels[v]
        else:
            repeated += 1
    if len(found.annotators) < 2:
        raise NotEnoughData(
            "one rater: nobody to agree with",
            now="give every repeat a name of its own in the column annotator, where repeats are what is asked about",
        )
    if isinstance(votes, str | Path):
        _refuse_one_draw(Path(votes), cells)
    if repeated:
        notes.append(f"{repeated} votes left out: the same annotator had voted on the item before")
    return _Table(found.annotators, cells, notes)


def _refuse_one_draw(path: Path, cells: list[list[Any]]) -> None:
    """RE05: at temperature 0, or with one seed, repeats that never differ are one draw, not many."""
    if any(len({c for c in row if c is not None}) > 1 for row in cells):
        return
    temperatures, seeds = optional_column(path, "temperature"), optional_column(path, "seed")
    cold = temperatures and all(t and number_of(t, str(path), "give numbers") <= COLD for t in temperatures)
    if cold or (seeds and seeds[0] and len(set(seeds)) == 1):
        raise NotEnoughData(
            f"one draw, repeated ({'temperature 0' if cold else 'one seed throughout'}): that is never agreement",
            where=str(path),
            now="draw at the temperature in use with other seeds, other wordings or other option orders",
        )


def _table_of_matrix(matrix: Any) -> _Table:
    if isinstance(matrix, str | Path):
        found = read_matrix(Path(matrix))
    else:
        rows = [[None if c is None else float(c) for c in row] for row in matrix]
        if not rows or len({len(r) for r in rows}) != 1:
            raise BadInput("a matrix without rows, or with ragged ones", now="give one row per item")
        if any(c is not None and not np.isfinite(c) for row in rows for c in row):
            raise BadInput("a rating that is NaN or infinite", now="give None where there is none")
        found = Matrix(tuple(str(i + 1) for i in range(len(rows[0]))), rows)
    if len(found.columns) < 2:
        raise NotEnoughData("one rater: nobody to agree with", now="give one column per rater or repeat")
    return _Table(found.columns, [list(r) for r in found.rows])


def _agreement(table: _Table, statistic: str, metric: str, rng: np.random.Generator) -> dict[str, Any]:
    from assay.stats import reliability as r

    item, value, scores = _readings(table, metric)
    data = r.ratings(item, value, scores)
    kind: Any = statistic
    how: Any = metric
    found = r.fleiss(data) if statistic == "fleiss" else r.krippendorff(data, how)
    draws = 1000 if len(item) <= MANY else 200
    interval = r.item_interval(data, kind, rng, how, draws)
    control = r.permuted_agreement(data, kind, rng, how, draws)
    share, entropy = r.modal_share(data)
    notes = list(table.notes)
    if data.items < len(table.cells):
        notes.append(f"{len(table.cells) - data.items} items left out: fewer than two raters read them")
    if interval is None:
        notes.append(f"no interval: {data.items} items, or resamples with one value only")
    if found >= 1 - 1e-12:
        notes.append(
            "all raters agree on every item: if they are repeats at temperature 0 or with one seed, this is one draw, "
            "repeated, and no agreement"
        )
    return {
        "statistic": statistic, "metric": metric if statistic == "krippendorff" else "nominal", "value": found,
        "ci": list(interval) if interval else None, "permuted": _control(control), "items": data.items,
        "raters": len(table.columns), "readings": len(data.item), "modal_share": float(share.mean()),
        "entropy": float(entropy.mean()), "notes": notes,
    }  # fmt: skip


def _readings(table: _Table, metric: str) -> tuple[list[int], list[int], list[float] | None]:
    """(item, value index, score per value) of every cell that is filled."""
    filled = [(i, c) for i, row in enumerate(table.cells) for c in row if c is not None]
    if metric == "nominal":
        values = {v: k for k, v in enumerate(sorted({c for _, c in filled}))}
        return [i for i, _ in filled], [values[c] for _, c in filled], None
    why = f"--{metric} needs numbers: code the values in their order, or leave --{metric} out"
    found = sorted({c for _, c in filled}, key=str)
    numbers = {c: number_of(c, "the labels", why) if isinstance(c, str) else float(c) for c in found}
    scores = sorted(set(numbers.values()))
    at = {s: k for k, s in enumerate(scores)}
    return [i for i, _ in filled], [at[numbers[c]] for _, c in filled], scores


def _numbers(table: _Table) -> tuple[np.ndarray, list[str]]:
    """Complete rows as numbers, and what was left out."""
    why = "omega and alpha take interval ratings; for labels use krippendorff"
    complete = [row for row in table.cells if all(c is not None for c in row)]
    rows = [[number_of(c, "the labels", why) if isinstance(c, str) else float(c) for c in row] for row in complete]
    notes = list(table.notes)
    if len(rows) < len(table.cells):
        notes.append(f"{len(table.cells) - len(rows)} items left out: not every rater read them")
    return np.array(rows, dtype=float).reshape(len(rows), len(table.columns)), notes


def _check_columns(x: np.ndarray, columns: Sequence[str]) -> None:
    from assay.stats.omega import constant_columns

    if len(x) and (flat := [n for n, c in zip(columns, x.T, strict=True) if c.max() == c.min()]):
        raise constant_columns(flat)


def _of_sum(table: _Table, statistic: str, rng: np.random.Generator) -> dict[str, Any]:
    """Omega or alpha of complete rows, with bootstrap over rows and columns shuffled one by one."""
    from assay.stats.omega import covariance_of, cronbach, omega, resampled, shuffled

    x, notes = _numbers(table)
    _check_columns(x, table.columns)
    c = covariance_of(x)
    found = omega(c) if statistic == "omega" else None
    value = found.omega if found else cronbach(c)
    interval = resampled(x, statistic == "omega", rng)
    control = shuffled(x, value, statistic == "omega", rng)
    if statistic == "omega":
        notes.append("omega is judged by p: its mean on shuffled columns is not 0")
    if interval is None:
        notes.append(f"no interval: {len(x)} rows, or resamples that are refused")
    row = {
        "statistic": statistic, "value": value, "ci": list(interval) if interval else None,
        "permuted": _control(control), "items": len(x), "raters": len(table.columns),
    }  # fmt: skip
    return {**row, **_omega_fields(found, table.columns, notes), "notes": notes}


def _of_covariance(covariance: Any, statistic: str) -> dict[str, Any]:
    from assay.stats.omega import constant_columns, cronbach, omega

    if statistic not in ("omega", "alpha"):
        raise BadInput(f"{statistic} of a covariance", now="it needs the ratings: VOTES.csv or --matrix")
    read = read_covariance(Path(covariance)) if isinstance(covariance, str | Path) else None
    c = np.array(read.rows if read else covariance, dtype=float)
    columns = read.columns if read else tuple(str(i + 1) for i in range(len(c)))
    if c.ndim == 2 and (flat := [n for n, v in zip(columns, np.diag(c), strict=False) if v == 0]):
        raise constant_columns(flat)
    found = omega(c) if statistic == "omega" else None
    notes = ["a covariance has no rows: no interval, and no permutation control"]
    row = {
        "statistic": statistic, "value": found.omega if found else cronbach(c), "ci": None, "permuted": None,
        "items": None, "raters": len(c),
    }  # fmt: skip
    return {**row, **_omega_fields(found, columns, notes), "notes": notes}


def _omega_fields(found: Any, columns: Sequence[str], notes: list[str]) -> dict[str, Any]:
    if found is None:
        return {}
    turned = [columns[i] for i in found.reversed]
    if turned:
        notes.append(f"reversed: {', '.join(turned)} (they load negatively)")
    if found.reason:
        notes.append(found.reason)
    return {
        "omega_total": found.total, "omega_hierarchical": found.hierarchical, "omega_asymptotic": found.asymptotic,
        "omega_total_of_pattern": found.total_of_pattern, "alpha": found.alpha, "reversed": turned,
    }  # fmt: skip


def _control(control: Any) -> dict[str, Any]:
    return {"mean": control.mean, "range": [control.low, control.high], "p": control.p}


def _published(table: _Table, rng: np.random.Generator, *, by_column: bool) -> dict[str, Any]:
    """The published number and its twin; votes have items as rows here, which become columns there."""
    from assay.stats.as_published import WARNING, as_published

    if by_column:
        kept = [row for row in table.cells if all(c is not None for c in row)]
        codes = {v: k + 1.0 for k, v in enumerate(sorted({c for row in kept for c in row}))}
        x = np.array([[codes[c] for c in row] for row in kept], dtype=float).reshape(len(kept), -1).T
    else:
        x = _numbers(table)[0]
    found = as_published(x, rng)
    twins = np.array(found.shuffled_omega)
    reached = int((twins >= found.omega).sum())
    return {
        "statistic": "omega-as-published", "value": found.omega, "ci": None,
        "permuted": {
            "mean": float(twins.mean()), "range": [float(twins.min()), float(twins.max())],
            "p": (1 + reached) / (1 + len(twins)),
        },
        "items": found.columns + found.constant, "raters": len(x), "constant_columns": found.constant,
        "alpha": found.alpha, "alpha_of_shuffled": float(np.mean(found.shuffled_alpha)),
        "alpha_by_formula": found.expected_alpha, "warning": WARNING, "notes": list(table.notes),
    }  # fmt: skip


def _facets(votes: Any, facets: Sequence[str]) -> dict[str, Any]:
    """A generalizability study of nominal labels: items crossed with facets."""
    from assay.stats.generalizability import indicators, study

    if not isinstance(votes, str | Path):
        raise BadInput(
            "facets need a file of votes", now=f"give a CSV with the columns item, {', '.join(facets)}, label"
        )
    names = ("item", *facets)
    rows = read_table(Path(votes), (*names, "label"))
    levels = [sorted({row[i] for row in rows}) for i in range(len(names))]
    at = [{v: k for k, v in enumerate(level)} for level in levels]
    values = {v: k for k, v in enumerate(sorted({row[-1] for row in rows}))}
    codes = np.full([len(level) for level in levels], -1, dtype=np.int64)
    for number, row in enumerate(rows, 2):
        place = tuple(place[part] for place, part in zip(at, row, strict=False))
        if codes[place] >= 0:
            raise BadInput(
                "two labels for one combination", where=f"{votes}, line {number}",
                now="name the facet in which they differ, such as seed",
            )  # fmt: skip
        codes[place] = values[row[-1]]
    whole = np.asarray((codes >= 0).reshape(len(levels[0]), -1).all(1))
    found = study(indicators(codes[whole], len(values)), names)
    left = len(whole) - int(whole.sum())
    return {
        "statistic": "generalizability", "value": found.dependability(), "ci": None, "permuted": None,
        "items": found.levels[0], "raters": int(np.prod(found.levels[1:])),
        "facets": dict(zip(found.facets[1:], found.levels[1:], strict=True)), "fixed": list(found.fixed),
        "parts": dict(found.parts), "shares": found.shares(),
        "relative": found.relative(),
        "dependability_of_all": found.dependability(dict(zip(found.facets[1:], found.levels[1:], strict=True))),
        "notes": [f"{left} items left out: not read under every combination"] if left else [],
    }  # fmt: skip
