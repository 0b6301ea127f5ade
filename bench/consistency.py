"""Does CO01 tell a speaker's persona from another one's, and where do degenerate speakers land? With intervals.

    python bench/consistency.py SHARED_DATA [--set personachat_convai2] [--most 800] [--seed 1]

PersonaChat: the report part only (no persona fact in common with the part the weights were trained on); other sets:
everything, nothing was trained on them. Swapped: the record holds another speaker's persona, the words stay. Midway:
the later half of the lines is another speaker's. Donors share no persona fact. Baselines of the same run: the mean
cosine of facts and lines, and the share of the facts' words that the lines hold. Intervals: bootstrap over speakers.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from assay.models.embeddings import bundled
from assay.records import Session
from assay.verification.check import Corpus
from assay.verification.consistency.one import line_to_line, persona_fit, prompt_to_line
from assay.verification.consistency.persona import persona_facts
from assay.verification.consistency.reading import spoken, talk_of
from assay.verification.consistency.scores import scores
from consistency_data import Speaker, late_lines, own_lines, parts, speakers, stranger, with_lines, with_persona

GENERIC = ("Okay, sounds good.", "I see.", "That is interesting.", "Sure, no problem.", "I am not sure what to say.")


def auc(own: np.ndarray, other: np.ndarray) -> float:
    """Chance that an own score is above another one, ties half."""
    every = np.concatenate([own, other])
    order = np.argsort(every, kind="stable")
    ranks = np.empty(len(every))
    values, start = every[order], 0
    while start < len(values):
        end = start
        while end < len(values) and values[end] == values[start]:
            end += 1
        ranks[order[start:end]] = (start + end + 1) / 2
        start = end
    return float((ranks[: len(own)].sum() - len(own) * (len(own) + 1) / 2) / (len(own) * len(other)))


def interval(own: np.ndarray, other: np.ndarray, seed: int) -> str:
    """AUROC with its bootstrap interval over speakers."""
    rng = np.random.default_rng(seed)
    drawn = [auc(own[k], other[k]) for k in (rng.integers(len(own), size=len(own)) for _ in range(500))]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{auc(own, other):.3f} [{low:.3f}, {high:.3f}]"


def fits(sessions: Sequence[Session], behind: Sequence[Session], who: Sequence[Speaker]) -> np.ndarray:
    """CO01 session score of each speaker; `behind` are the sessions of the set, which give the background."""
    names = {s.id: one.party for s, one in zip(sessions, who, strict=True)}
    found = {}
    for v in persona_fit(Corpus(sessions=[*sessions, *behind])):
        if v.code == "CO01" and v.turn is None and v.session in names:
            party = names[v.session]
            if v.name == ("persona" if party == "user" else f"persona.{party}"):
                found[v.session] = v.score if v.score is not None else 0.5
    return np.array([found[s.id] for s in sessions])


def renamed(sessions: Sequence[Session], mark: str) -> list[Session]:
    """The sessions under other ids."""
    return [s.model_copy(update={"id": f"{mark}-{k}"}) for k, s in enumerate(sessions)]


def baselines(session: Session, party: str) -> tuple[float, float]:
    """(mean cosine, share of the facts' words in the lines)."""
    embedder = bundled()
    talk = talk_of(session, spoken(session, party), embedder)
    facts = [f.text for f in persona_facts(session, party)]
    words = {w for f in facts for w in f.lower().split() if len(w) > 3}
    said = {w for t in session.turns if t.speaker == party for w in t.text.lower().split()}
    return float((embedder.embed(facts) @ talk.whole.T).mean()), len(words & said) / max(len(words), 1)


def degenerate(found: Sequence[Speaker]) -> dict[str, np.ndarray]:
    """Overall scores of the real speakers and of the controls made of them."""
    controls = {"real": [one.session for one in found]}
    for name in ("blank", "generic", "repeat", "persona_copy"):
        made = []
        for one in found:
            own = own_lines(one)
            longest = max(own, key=len)
            lines = {
                "blank": [""] * len(own),
                "generic": [GENERIC[k % len(GENERIC)] for k in range(len(own))],
                "repeat": [longest] * len(own),
                "persona_copy": [one.facts[k % len(one.facts)] for k in range(len(own))],
            }[name]
            made.append(with_lines(one, lines, 0))
        controls[name] = made
    out = {}
    for name, sessions in controls.items():
        held = renamed(sessions, name)
        corpus = Corpus(sessions=held)
        verdicts = [*prompt_to_line(corpus), *line_to_line(corpus), *persona_fit(corpus)]
        by_key = {(s.session, s.party): s.parts.overall or 0.0 for s in scores(held, verdicts)}
        out[name] = np.array([by_key[s.id, one.party] for s, one in zip(held, found, strict=True)])
    return out


def main() -> None:
    """Print the figures."""
    asked = argparse.ArgumentParser()
    asked.add_argument("data", type=Path)
    asked.add_argument("--set", default="personachat_convai2")
    asked.add_argument("--most", type=int, default=800)
    asked.add_argument("--seed", type=int, default=1)
    args = asked.parse_args()
    every = speakers(args.data / f"{args.set}.jsonl.gz")
    rng = np.random.default_rng(args.seed)
    pool = parts(every)[1] if args.set.startswith("personachat") else list(range(len(every)))
    idx = sorted(rng.permutation(pool)[: args.most].tolist())
    who = [every[i] for i in idx]
    swapped, midway = [], []
    for i in idx:
        other = every[stranger(every, i, pool, rng)]
        many = len(own_lines(every[i]))
        swapped.append(with_persona(every[i], other.facts))
        midway.append(with_lines(every[i], late_lines(other, many - many // 2), many // 2))
    plain = renamed([one.session for one in who], "own")
    arms = {"own": plain, "swapped": renamed(swapped, "swapped"), "midway": renamed(midway, "midway")}
    behind = renamed(list({every[i].session.id: every[i].session for i in pool}.values())[:200], "behind")
    found = {arm: fits(made, behind, who) for arm, made in arms.items()}
    base = {
        arm: np.array([baselines(s, one.party) for s, one in zip(made, who, strict=True)]) for arm, made in arms.items()
    }
    print(f"{args.set}: {len(idx)} speakers, seed {args.seed}")
    for arm in ("swapped", "midway"):
        low = float(np.mean(found[arm] < 0.05))
        print(
            f"{arm}: AUROC {interval(found['own'], found[arm], args.seed)}; mean cosine "
            f"{auc(base['own'][:, 0], base[arm][:, 0]):.3f}, shared words "
            f"{auc(base['own'][:, 1], base[arm][:, 1]):.3f}; "
            f"called contradicted {low:.3f}, real speakers {float(np.mean(found['own'] < 0.05)):.3f}"
        )
    made = degenerate(who[:300])
    low = float(np.quantile(made["real"], 0.2))
    print(f"overall, 20th percentile of {len(made['real'])} real speakers: {low:.3f}")
    for name, values in made.items():
        if name != "real":
            print(f"{name}: highest {values.max():.3f}, above that percentile {int((values > low).sum())}")


if __name__ == "__main__":
    main()
