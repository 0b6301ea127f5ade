"""The language model as judge of consistency (CO01 to CO03), on trial beside the offline scorer, in one run.

    python bench/consistency_judge.py SHARED_DATA [--judge embedded-base] [--speakers 24] [--seed 1] [--out DIR]

PersonaChat, the part whose persona facts no weights of assay were trained on. Each speaker is audited twice: as it is,
and with the record holding another speaker's persona (the words stay; no fact in common). Scores of a speaker: the
judge's share of lines that it does not say contradict a fact (CO01), its share of facts it tells from other people's
above what it guesses on an empty record (CO03), and the offline scorer's fit of persona and lines (CO01, session).
AUROC: chance that an own score is above a swapped one, ties half; intervals: bootstrap over speakers. Beside it the
judge's rates on the contradictions that assay plants itself (`judges.json`), which decide whether it is heard.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

import assay
from assay.records import Verdict
from assay.records.storage import read, write_rows
from consistency import interval, renamed
from consistency_data import parts, speakers, stranger, with_persona

CODES = ("CO01", "CO02", "CO03")
Key = tuple[str, str]


def scores_of(found: list[Verdict], judge: str) -> dict[str, dict[str, float]]:
    """Measure -> session -> score in [0, 1], of one arm; only the party whose persona is swapped is counted."""
    lines: dict[str, list[bool]] = {}
    facts: dict[str, float] = {}
    offline: dict[str, float] = {}
    for v in found:
        if v.by == judge and v.code == "CO01" and v.turn is not None and v.status in ("supported", "contradicted"):
            lines.setdefault(v.session, []).append(v.status == "supported")
        elif v.by == judge and v.code == "CO03" and v.score is not None:
            facts[v.session] = v.score
        elif v.by != judge and v.code == "CO01" and v.turn is None and v.score is not None:
            offline[v.session] = v.score
    return {
        "judge CO01": {s: float(np.mean(x)) for s, x in lines.items()},
        "judge CO03": facts,
        "offline CO01": offline,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--judge", default="embedded-base")
    parser.add_argument("--speakers", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only-own", action="store_true", help="no swapped arm: only the judge's rates on planted lines"
    )
    parser.add_argument("--out", type=Path, default=None)
    asked = parser.parse_args()
    every = [s for s in speakers(asked.data / "personachat_convai2.jsonl.gz") if s.party == "user"]
    pool = parts(every)[1]
    rng = np.random.default_rng(asked.seed)
    who = [every[i] for i in sorted(rng.permutation(pool)[: asked.speakers].tolist())]
    alone = [one.session.model_copy(update={"private": {"user": one.session.private["user"]}}) for one in who]
    others = [every[stranger(every, every.index(one), pool, rng)] for one in who]
    swapped = [with_persona(one._replace(session=s), o.facts) for one, s, o in zip(who, alone, others, strict=True)]
    home = asked.out or Path(tempfile.mkdtemp(prefix="consistency_judge_"))
    home.mkdir(parents=True, exist_ok=True)
    made: dict[str, dict[str, dict[str, float]]] = {}
    for arm, sessions in (("own", alone), ("swapped", swapped))[: 1 if asked.only_own else 2]:
        file = home / f"{arm}.jsonl"
        write_rows(file, renamed(sessions, arm))
        done = assay.audit(
            file, out=home / arm, judge=(asked.judge,), checks=CODES, judged_labels=10**6, seed=asked.seed
        )
        found = list(read(home / arm, "verdicts"))
        made[arm] = scores_of(found, asked.judge)
        said = Counter((v.code, v.status, v.reason or "") for v in found if v.by == asked.judge)
        print(f"{arm}: {len(sessions)} speakers; the judge said {dict(sorted(said.items()))}")
        for code, row in done["readings"][0]["by_check"].items():
            print(f"  {code}: {row['per_session']}")
    for measure in () if asked.only_own else ("judge CO01", "judge CO03", "offline CO01"):
        own, other = (made[a][measure] for a in ("own", "swapped"))
        pairs = [(s, s.replace("own", "swapped", 1)) for s in own]
        both = [(own[a], other[b]) for a, b in pairs if b in other]
        if len(both) < 2:
            print(f"{measure}: scored {len(own)} of {len(alone)} own and {len(other)} swapped speakers: no figure")
            continue
        x, y = (np.array(side) for side in zip(*both, strict=True))
        print(f"{measure}: AUROC {interval(x, y, asked.seed)}, n = {len(both)} speakers; own {x.mean():.3f}, "
              f"swapped {y.mean():.3f}")  # fmt: skip
    for row in json.loads((home / "own" / "judges.json").read_text(encoding="utf-8"))["judges"]:
        print({k: row[k] for k in ("check", "name", "n", "sessions", "tpr", "tpr_ci", "tnr", "tnr_ci", "unparsed")})


if __name__ == "__main__":
    main()
