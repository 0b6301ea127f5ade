"""The nearest label by meaning: sentence embeddings of a turn beside those of each value's meaning and examples.

Trained on other people's sentence pairs only (models/embeddings.py) and on nothing of the sessions at hand. Cosines are
compared with what each value gets on average over all targets (a meaning that is near to everything says nothing), and
a softmax of fixed temperature makes them shares. They are a ranking, not calibrated probabilities.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.records.label_schema import AskedLabel
from assay.verification.annotators.naming import Floats, Line, Reading

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
NAME = "nearest"
TEMPERATURE = 0.06
"""Of the softmax over centred cosines; chosen on 300 SGD sessions of the development part (docs/benchmarks.md)."""
FADES = 0.75
"""Weight of each turn before, beside that of the one after it, for labels that last."""
PRESENT = 0.5
"""How far behind the best value of a set, in units of the temperature, a value is still as likely present as not."""


def read_nearest(label: AskedLabel, lines: Sequence[Line], embed: Embed, name: str = NAME) -> Reading:
    """Every target read by the values nearest to its words; shapes as in `Reading`."""
    anchors = np.stack([_anchor(label, value, embed) for value in label.values])
    mixed = heard(lines, embed) if label.lasts else embed([line.text for line in lines]).astype(np.float64)
    cosine = mixed @ anchors.T
    centred = (cosine - cosine.mean(axis=0)) / TEMPERATURE
    if label.kind == "category":
        return Reading(annotator=name, p=_softmax(centred))
    # the best value of a set is taken to be present, others as far as they come near it
    margin = centred - centred.max(axis=1, keepdims=True) + PRESENT
    return Reading(annotator=name, p=np.asarray(1 / (1 + np.exp(-margin))))


def heard(lines: Sequence[Line], embed: Embed) -> Floats:
    """Unit vectors of lines with their fading history, shape (lines, dimension)."""
    out = embed([line.text for line in lines]).astype(np.float64)
    for back in range(max((len(line.history) for line in lines), default=0)):
        rows = [i for i, line in enumerate(lines) if len(line.history) > back]
        out[rows] += FADES ** (back + 1) * embed([lines[i].history[back] for i in rows])
    return _unit(out)


def _unit(x: Floats) -> Floats:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12))


def _anchor(label: AskedLabel, value: str, embed: Embed) -> Floats:
    """Unit vector of a value: its examples where there are any, else its meaning."""
    texts = [*label.examples.get(value, ()), label.values[value]]
    mean = np.asarray(embed(texts).astype(np.float64).mean(axis=0))
    return np.asarray(_unit(mean[None])[0])


def _softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))
