"""The matched test: are the words that the user model finds for a real turn's acts told from the person's own?

    python bench/matched.py --data ../shared/data --adapter ADAPTER.gguf --out DIR
    python bench/matched.py --data ../shared/data --adapter ADAPTER.gguf --out DIR --tune

Real sessions of services that no adapter was trained on; acts, slots and the real words before stay, the words of each
turn are made again by every arm: templates; the bare model zero-shot and few-shot; the adapter, one sample; the adapter
behind the guards of the product. `--tune` compares decodings on held-out services that the report does not hold;
The engine samples from all tokens; `--cut-tail` cuts as llama.cpp does by default (min_p 0.05, top_k 40).
Samples are kept in DIR/samples.jsonl, so that a killed run goes on. Needs the extra `embedded`.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assay.door.making import WORDING
from assay.models.embedded import ADAPTER, file_sha256
from assay.stats.intervals import Interval
from matched_arms import Decoding, Engine, Line, Store, Talker, regenerate, template_of
from matched_data import Case, Sets, cases_of, load, part, shots
from matched_rl01 import embedder, turns_told_apart, whole_sessions_told_apart
from matched_words import ActReader, Difference, distinct_gap, rates, realised, recovered, shipped_reader

ARMS = ("templates", "zero_shot", "few_shot", "adapter", "guarded")
BARE = ("zero_shot", "few_shot")
SWEEP = tuple(Decoding(t, p, tail) for tail in (False, True) for t in (0.7, 0.85, 1.0) for p in (0.95, 1.0))


def talkers_of(args: argparse.Namespace, sets: Sets) -> dict[str, Talker]:
    """A talker for each arm that a language model words, all writing to one store."""
    store = Store(args.out / "samples.jsonl")
    adapter = args.adapter.resolve()

    def trained() -> Engine:
        return Engine(f"embedded:{adapter}", slots=1)

    def bare() -> Engine:
        return Engine("embedded-base", slots=1)

    return {
        "adapter": Talker(file_sha256(adapter)[:12], trained, store, args.seed),
        "zero_shot": Talker("bare", bare, store, args.seed),
        "few_shot": Talker("bare-few", bare, store, args.seed, prefix=shots(sets.train, sets.cuts)),
    }


def drawn(args: argparse.Namespace, sets: Sets, of: str) -> list[Case]:
    """The cases of the first sessions of a part."""
    return [c for s in part(sets.held_out, of)[: args.sessions] for c in cases_of(s, sets.cuts)]


def cases_for(arm: str, cases: Sequence[Case], args: argparse.Namespace) -> list[Case]:
    """All cases, or those of the first sessions where the bare model words them."""
    few = set(list(dict.fromkeys(c.session for c in cases))[: args.bare_sessions])
    return [c for c in cases if arm not in BARE or c.session in few]


def generate(arms: Sequence[str], cases: Sequence[Case], args: argparse.Namespace, sets: Sets) -> dict[str, list[Line]]:
    """The lines of every arm; an arm of the bare model only those of its sessions."""
    talkers = talkers_of(args, sets)
    decoding = Decoding(args.temperature, args.top_p, args.open_tail)
    made = {}
    for arm in arms:
        own = cases_for(arm, cases, args)
        made[arm] = regenerate(arm, own, talkers, decoding, args.seed)
        print(f"{arm}: {len(own)} turns", flush=True)
    for talker in talkers.values():
        talker.close()
    return made


def measured(
    lines: Sequence[Line], cases: Sequence[Case], reader: ActReader, args: argparse.Namespace
) -> dict[str, Any]:
    """Every figure of one arm."""
    texts = [line.text for line in lines]
    each, exact = recovered(reader.read, texts, cases)
    shipped, _ = recovered(shipped_reader(cases), texts, cases)
    control = [template_of(c, args.seed) for c in cases]
    return {
        "turns": len(cases),
        "sessions": len({c.session for c in cases}),
        "values": realised(texts, cases),
        "acts": each,
        "acts_exact": exact,
        "acts_shipped_reader": shipped,
        "turn_auc": turns_told_apart(texts, cases, control, args.permutations, embedder()),
        "session_auc": whole_sessions_told_apart(texts, cases, control, args.permutations, embedder()),
        "rates": rates(texts, cases),
        "distinct_1": distinct_gap(texts, cases, 1),
        "distinct_2": distinct_gap(texts, cases, 2),
        "same_as_real": float(np.mean([t.lower() == c.real.lower() for t, c in zip(texts, cases, strict=True)])),
        "fallback": float(np.mean([line.by_template for line in lines])),
        "guards_failed": dict(Counter(f for line in lines for f in line.failed)),
    }


def interval(found: Interval, digits: int = 3) -> str:
    """`0.981 (0.970 to 0.991)`."""
    if found.low is None or found.high is None:
        return f"{found.point:.{digits}f}"
    return f"{found.point:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def difference(found: Difference, digits: int = 2) -> str:
    """`9.14, real 8.83: +0.31 (0.10 to 0.52)`."""
    low, high = (f"{v:+.{digits}f}" if v is not None else "" for v in (found.gap.low, found.gap.high))
    return f"{found.made:.{digits}f}, real {found.real:.{digits}f}: {found.gap.point:+.{digits}f} ({low} to {high})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tables(found: dict[str, dict[str, Any]]) -> str:
    """The report's three tables."""
    first = [
        [a, f"{f['turns']} / {f['sessions']}", interval(f["values"]), difference(f["acts"], 3),
         difference(f["acts_exact"], 3), difference(f["acts_shipped_reader"], 3), f"{f['fallback']:.3f}"]
        for a, f in found.items()
    ]  # fmt: skip
    second = [
        [a, f["turn_auc"].text, f["turn_auc"].beside, f["session_auc"].text, f["session_auc"].beside]
        for a, f in found.items()
    ]
    third = [
        [a, *(difference(f["rates"][k]) for k in ("words", "questions", "polite")),
         difference(f["distinct_1"], 3), difference(f["distinct_2"], 3)]
        for a, f in found.items()
    ]  # fmt: skip
    return "\n\n".join(
        (
            table(("arm", "turns / sessions", "values realised", "acts recovered", "all acts exactly",
                   "acts, shipped reader", "fallback"), first),
            table(("arm", "RL01 AUC, turn", "beside it", "RL01 AUC, session", "beside it"), second),
            table(("arm", "words", "questions", "polite", "distinct-1", "distinct-2"), third),
        )
    )  # fmt: skip


def plain(value: Any) -> Any:
    """Records as JSON values."""
    slots = getattr(value, "__slots__", None) or getattr(value, "__dataclass_fields__", None)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if slots:
        return {k: plain(getattr(value, k)) for k in value.__dataclass_fields__}
    return round(value, 6) if isinstance(value, float) else value


def report(args: argparse.Namespace, sets: Sets) -> None:
    """Make every arm and print the tables."""
    cases = drawn(args, sets, args.part)
    describe(sets, cases, args)
    made = generate(args.arms, cases, args, sets)
    reader = ActReader.of(sets.train)
    found = {}
    for arm, lines in made.items():
        found[arm] = measured(lines, cases_for(arm, cases, args), reader, args)
        (args.out / f"{args.part}.json").write_text(json.dumps(plain(found), indent=1), encoding="utf8")
    print(tables(found))
    if "guarded" in found:
        print(f"guards that rejected a candidate: {found['guarded']['guards_failed']}")


def describe(sets: Sets, cases: Sequence[Case], args: argparse.Namespace) -> None:
    """Print what is held out and what of it is used."""
    pool = part(sets.held_out, args.part)
    fit = sum(len(cases_of(s, sets.cuts)) for s in pool)
    turns = sum(len(s.turns) for s in pool)
    print(f"held out: {len(sets.held_out)} sessions of services in neither train nor dev; {args.part}: {len(pool)} "
          f"sessions, {turns} user turns, {fit} of them promise no value that was not said; used: "
          f"{len({c.session for c in cases})} sessions, {len(cases)} turns")  # fmt: skip
    print(f"adapter {file_sha256(args.adapter)[:12]}, temperature {args.temperature:g}, top_p {args.top_p:g}, "
          f"{'all tokens' if args.open_tail else 'tail cut by the engine'}, seed {args.seed}")  # fmt: skip


def tune(args: argparse.Namespace, sets: Sets) -> None:
    """One sample and the guarded words of every decoding, on the services tuned on."""
    args.part, args.permutations = "tune", 0
    cases = drawn(args, sets, "tune")
    describe(sets, cases, args)
    reader = ActReader.of(sets.train)
    rows = []
    for decoding in SWEEP:
        args.temperature, args.top_p, args.open_tail = decoding.temperature, decoding.top_p, decoding.open_tail
        for arm, lines in generate(("adapter", "guarded"), cases, args, sets).items():
            rows.append(_tuned(f"{arm} {decoding}", lines, cases, reader))
            print(" | ".join(rows[-1]), flush=True)
    print(table(("arm and decoding", "values", "acts", "AUC, turn", "words", "distinct-2", "fallback"), rows))


def _tuned(name: str, lines: Sequence[Line], cases: Sequence[Case], reader: ActReader) -> list[str]:
    texts = [line.text for line in lines]
    each, _ = recovered(reader.read, texts, cases)
    auc = turns_told_apart(texts, cases, [template_of(c, 1) for c in cases], 0)
    share = float(np.mean([line.by_template for line in lines]))
    words, pairs = rates(texts, cases)["words"], distinct_gap(texts, cases, 2)
    return [name, interval(realised(texts, cases)), difference(each, 3), auc.text, difference(words),
            difference(pairs, 3), f"{share:.3f}"]  # fmt: skip


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--adapter", type=Path, default=ADAPTER)
    parser.add_argument("--out", type=Path, default=Path("build/matched"))
    parser.add_argument("--part", choices=("report", "tune"), default="report", help="which held-out services")
    parser.add_argument("--tune", action="store_true", help="compare decodings on the services tuned on")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--bare-sessions", type=int, default=40, help="of these, how many the bare model words")
    parser.add_argument("--temperature", type=float, default=WORDING.temperature)
    parser.add_argument("--top-p", type=float, default=WORDING.top_p)
    parser.add_argument("--cut-tail", dest="open_tail", action="store_false", help="llama.cpp's min_p 0.05, top_k 40")
    parser.add_argument("--permutations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    run: Callable[[argparse.Namespace, Sets], None] = tune if args.tune else report
    run(args, load(args.data))


if __name__ == "__main__":
    main()
