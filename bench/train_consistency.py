"""Train verification/consistency/weights/persona-fit-1.npz: does a persona fit a speaker's lines throughout?

    python bench/train_consistency.py SHARED_DATA OUT.npz

Trained on the development part of PersonaChat (ConvAI2 validation; the parts share no persona fact): every speaker as
it is, with another speaker's persona, and with another speaker's lines from somewhere in the middle third on.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from assay.importing.sessions import import_sessions
from assay.models.embeddings import bundled
from assay.verification.consistency.fit import KINDS, Person, features, person_of
from assay.verification.consistency.lexicon import Rarity, stems
from assay.verification.consistency.reading import spoken, talk_of
from consistency_data import late_lines, own_lines, parts, speakers, stranger, with_lines

BACKGROUND = 40
STEM_SETS = ("casino", "camrest676", "ccpe_m", "sgd")
"""Further sets (CC-BY, CC-BY-SA) whose texts count for the rarity of stems."""


def rarity_of(texts: list[str]) -> tuple[Rarity, dict[int, int]]:
    """Weights from the share of texts that hold a stem."""
    seen: Counter[int] = Counter()
    for text in texts:
        seen.update(stems(text))
    weights = {k: float(np.log((len(texts) + 1) / (n + 1))) for k, n in seen.items() if n >= 3}
    quantised = {k: round(w * 16) for k, w in weights.items()}
    unseen = float(np.log((len(texts) + 1) / 2))
    return Rarity({k: q / 16 for k, q in quantised.items()}, unseen), quantised


def main(data: Path, out: Path) -> None:
    """Fit and write the weights."""
    rng = np.random.default_rng(0)
    found = speakers(data / "personachat_convai2.jsonl.gz")
    inside, _ = parts(found)
    texts = [t for i in inside for t in (*found[i].facts, *own_lines(found[i]))]
    for name in STEM_SETS:
        every = [t.text for s in import_sessions(data / f"{name}.jsonl.gz") for t in s.turns if t.text]
        texts += [every[k] for k in rng.permutation(len(every))[:5000].tolist()]
    rarity, quantised = rarity_of(texts)
    embedder = bundled()
    person = {i: person_of(found[i].facts, embedder.embed(found[i].facts)) for i in inside}
    pool = sorted({found[i].facts: i for i in inside}.values())
    x, y = [], []
    for i in inside:
        one, others = found[i], [j for j in pool if not set(found[j].facts) & set(found[i].facts)]
        turns = spoken(one.session, one.party)
        j = stranger(found, i, inside, rng)
        cut = int(rng.integers(len(turns) // 3, 2 * len(turns) // 3 + 1)) if rng.random() < 0.5 else len(turns) // 2
        mixed = with_lines(one, late_lines(found[j], len(own_lines(one)) - cut), cut)
        talk, late = talk_of(one.session, turns, embedder), talk_of(mixed, spoken(mixed, one.party), embedder)
        for kind, (who, said) in enumerate(((i, talk), (j, talk), (i, late))):
            behind = [person[others[k]] for k in rng.choice(len(others), BACKGROUND, replace=False).tolist()]
            x.append(features(person[who], said, behind, rarity))
            y.append(kind)
    made, kinds = np.array(x), np.array(y)
    mean, scale = made.mean(axis=0), made.std(axis=0) + 1e-6
    fit = LogisticRegression(C=0.2, max_iter=5000).fit(np.clip((made - mean) / scale, -6, 6), kinds)
    card = {"trained_on": "PersonaChat (ConvAI2 validation), development part", "speakers": len(inside)}
    save(
        out,
        (mean, scale, fit),
        (rarity, quantised),
        [person[pool[k]] for k in rng.choice(len(pool), BACKGROUND, replace=False).tolist()],
        card,
    )
    print(f"{len(inside)} speakers, {len(made)} rows, kinds {KINDS}, {out.stat().st_size:,} bytes")


def save(out: Path, fit: tuple, words: tuple[Rarity, dict[int, int]], people: list[Person], card: dict) -> None:
    """Write the npz; vectors as int8, stems as hashes."""
    mean, scale, model = fit
    rarity, quantised = words
    facts = [f for p in people for f in p.stems]
    np.savez_compressed(
        out,
        mean=mean, scale=scale, coefficients=model.coef_, intercepts=model.intercept_,
        stem_keys=np.array(sorted(quantised), np.uint32),
        stem_weights=np.array([quantised[k] for k in sorted(quantised)], np.uint8), unseen=rarity.unseen,
        background=np.round(np.concatenate([p.vectors for p in people]) * 400).clip(-127, 127).astype(np.int8),
        persona_ends=np.cumsum([len(p.vectors) for p in people]),
        fact_ends=np.cumsum([len(f) for f in facts]),
        fact_stems=np.array([w for f in facts for w in sorted(f)], np.uint32),
        card=json.dumps(card),
    )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
