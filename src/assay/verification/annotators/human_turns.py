"""An independent reader of core acts, trained on real human turns only (LB01, METHODS 0 and 3).

One-vs-rest logistic regressions over hashed features of a turn and of the turn before it. Turns are delexicalised
first (numbers, ids, times and words that do not occur across many domains become shape tokens), so that what is read
is the wording of the act and not the domain. Probabilities are Platt-scaled on domains the regressions never saw.

The reader shares nothing with a verbaliser: no language model, no generated text, and none of the sessions that the
shipped adapter was trained on. What it was trained on and how well it reads is in the card beside its weights.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from assay.errors import BadInput

Party = Literal["user", "assistant"]
Reading = Literal["supported", "contradicted", "not_evidenced", "not_applicable"]
Turn = tuple[str, str | None]

BUCKETS = 1 << 15
"""Size of the hashed feature space."""
WEIGHTS = "core-act-reader-2.npz"
MAX_CHARS = 2000
"""A turn is read up to here: acts stand in the words of a turn, not in pasted documents."""

_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|[$€£]?\d[\w.,:/%-]*\w|\d|[?!.;]|[^\W\d_]+", re.IGNORECASE)
_ID = re.compile(r"\b(?=[A-Za-z0-9_-]*\d)(?=[A-Za-z0-9_-]*[A-Za-z_])[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*\b")
_EMAIL = re.compile(r"\b\S+@\S+\.\w+")
_CLOCK = re.compile(r"\d{1,2}(?::\d\d)?(?:am|pm)|\d{1,2}:\d\d\w*", re.IGNORECASE)
_ORDINAL = re.compile(r"\d{1,2}(?:st|nd|rd|th)", re.IGNORECASE)
_ENDS = frozenset(".!?;")
_DATES = frozenset((
    "january", "february", "march", "april", "june", "july", "august", "september", "october", "november", "december",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
))  # fmt: skip
_NUMBERS = frozenset(["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"])
_RARE = "<w>"
_NAMELIKE = " zzqx "
"""Stands for ids and addresses until the text is cut into words: a word that no vocabulary knows, like a name."""


def shape(token: str) -> str:
    """The shape token of a word or number in lower case; the word itself where it has no shape of its own."""
    if token[0].isdigit() or token[0] in "$€£":
        if not token[0].isdigit():
            return "<money>"
        if _CLOCK.fullmatch(token):
            return "<time>"
        if _ORDINAL.fullmatch(token):
            return "<date>"
        return "<num>"
    if token in _DATES:
        return "<date>"
    return "<num>" if token in _NUMBERS else token


def tokens(text: str) -> list[str]:
    """Words, shape tokens and sentence ends of one turn, all in lower case."""
    text = text[:MAX_CHARS].replace("\u2019", "'")
    text = _EMAIL.sub(_NAMELIKE, text)
    text = _ID.sub(lambda m: m[0] if _CLOCK.fullmatch(m[0]) or _ORDINAL.fullmatch(m[0]) else _NAMELIKE, text)
    return [shape(t) for t in _TOKEN.findall(text.lower())]


def _delexicalise(raw: list[str], known: frozenset[str]) -> list[str]:
    """Words outside `known` become one rare-word token; runs of it collapse."""
    out: list[str] = []
    for token in raw:
        word = token if token[0] == "<" or token in _ENDS or token in known else _RARE
        if word != _RARE or not out or out[-1] != _RARE:
            out.append(word)
    return out


@lru_cache(maxsize=1 << 18)
def _hash(feature: str) -> int:
    return zlib.crc32(feature.encode()) & (BUCKETS - 1)


@lru_cache(maxsize=1 << 18)
def _pieces(word: str) -> tuple[int, ...]:
    """Hashes of the character 3- to 5-grams inside one word, its bounds marked."""
    if word[0] == "<" or word in _ENDS:
        return ()
    marked = f"^{word}$"
    return tuple(_hash(f"c{marked[i : i + n]}") for n in (3, 4, 5) for i in range(len(marked) - n + 1))


@lru_cache(maxsize=1 << 18)
def _pair(kind: str, left: str, right: str) -> int:
    return _hash(f"{kind}{left} {right}")


def _bucket(n: int) -> int:
    """Length classes 0 to 6: 0, 1, 2, 3-4, 5-8, 9-16, more."""
    return min(int(n > 0) + max(n - 1, 0).bit_length(), 6)


def _own_features(words: list[str]) -> list[int]:
    """Feature hashes of the turn itself."""
    out: list[int] = []
    left, starts = "^", True
    for word in words:
        out.append(_pair("w", word, ""))
        out.append(_pair("b", left, word))
        out.extend(_pieces(word))
        if starts:
            out.append(_pair("s", word, ""))
        starts = word in _ENDS
        left = word
    out.append(_pair("b", left, "$"))
    spoken = [w for w in words if w not in _ENDS]
    out.append(_pair("n", str(_bucket(len(spoken))), ""))
    out.append(_pair("?", str(words.count("?")), "last" if words and words[-1] == "?" else ""))
    shapes = sum(w[0] == "<" for w in spoken)
    out.append(_pair("#", str(_bucket(shapes)), str(_bucket(len(spoken)))))
    if spoken:
        out.append(_pair("f", " ".join(spoken[:2]), ""))
        out.append(_pair("f", " ".join(spoken[:3]), "3"))
    return out


def _previous_features(words: list[str] | None, own: list[str]) -> list[int]:
    """Feature hashes of the last sentence of the turn before, and whether it asks."""
    if words is None:
        return [_hash("p:none")]
    ends = [i for i, w in enumerate(words[:-1]) if w in _ENDS]
    last = words[ends[-1] + 1 :] if ends else words
    asks = "?" in last
    out = [_pair("p?", str(asks), ""), _pair("p?", str(asks), own[0] if own else "")]
    left = "^"
    for word in last[-30:]:
        out.append(_pair("p", word, ""))
        out.append(_pair("q", left, word))
        left = word
    return out


def features(turn: Turn, known: frozenset[str]) -> list[int]:
    """Distinct feature buckets of one turn, sorted.

    Parameters
    ----------
    turn
        The words of the turn and those of the turn before it (None where there is none).
    known
        The words that are kept; all others become one rare-word token.
    """
    own = _delexicalise(tokens(turn[0]), known)
    before = None if turn[1] is None else _delexicalise(tokens(turn[1]), known)
    return sorted(set(_own_features(own)) | set(_previous_features(before, own)))


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logistic function, without overflow."""
    return np.exp(-np.logaddexp(0.0, -x))


class _Head:
    """The regressions of one party."""

    def __init__(self, acts: tuple[str, ...], arrays: dict[str, NDArray[Any]]) -> None:
        self.acts = acts
        self.index = {act: i for i, act in enumerate(acts)}
        self.weights = arrays["weights"].astype(np.float32)
        self.bias = arrays["bias"].astype(np.float64)
        self.platt = arrays["platt"].astype(np.float64)
        self.support_at = arrays["support_at"].astype(np.float64)
        self.contradict_at = arrays["contradict_at"].astype(np.float64)

    def logits(self, rows: list[list[int]]) -> NDArray[np.float64]:
        """Raw scores, (n, K)."""
        out = np.zeros((len(rows), len(self.acts)))
        for start in range(0, len(rows), 512):
            part = rows[start : start + 512]
            lengths = np.array([len(row) for row in part])
            flat = self.weights[np.concatenate([np.array(row) for row in part])]
            sums = np.add.reduceat(flat, np.concatenate([[0], np.cumsum(lengths)[:-1]]), axis=0, dtype=np.float64)
            out[start : start + 512] = sums / np.sqrt(lengths)[:, None] + self.bias
        return out

    def probabilities(self, rows: list[list[int]]) -> NDArray[np.float64]:
        """Platt-scaled, (n, K), in (0, 1)."""
        return sigmoid(self.logits(rows) * self.platt[:, 0] + self.platt[:, 1])


class HumanTurnReader:
    """Reads which core acts a turn holds. Multi-label: a turn may hold several or none.

    `thresholds(party)` gives per act (support_at, contradict_at): a label v is supported when p(v) >= support_at[v],
    contradicted when p(v) < contradict_at[v] and another act is read with p >= its support_at, else not evidenced.
    Both were fixed on domains that the regressions had not seen; the card gives what they cost on further domains.
    """

    name: ClassVar[str] = "human-turns-1"
    independent: ClassVar[bool] = True

    def __init__(self, known: frozenset[str], heads: dict[str, _Head], digest: str) -> None:
        self._known = known
        self._heads = heads
        self.digest = digest
        self.vocabulary_user: tuple[str, ...] = heads["user"].acts
        self.vocabulary_assistant: tuple[str, ...] = heads["assistant"].acts

    @classmethod
    def load(cls, path: Path | None = None) -> "HumanTurnReader":
        """Read the shipped weights, or those at `path`.

        Raises
        ------
        BadInput
            The file is missing or is not a weights file of this reader.
        """
        where = str(path) if path else f"assay/verification/weights/{WEIGHTS}"
        try:
            blob = path.read_bytes() if path else files("assay.verification").joinpath("weights", WEIGHTS).read_bytes()
            with np.load(BytesIO(blob), allow_pickle=False) as stored:
                arrays = {key: stored[key] for key in stored.files}
            meta = json.loads(arrays["meta"].tobytes())
            if meta["name"] != cls.name or meta["buckets"] != BUCKETS:
                raise BadInput(f"weights of {meta['name']}, not of {cls.name}", where=where, now="retrain the reader")
            known = frozenset(arrays["words"].tobytes().decode().split())
            heads = {p: _Head(tuple(meta["acts"][p]), _party_arrays(arrays, p)) for p in ("user", "assistant")}
        except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile, zlib.error) as error:
            what = f"cannot read the reader's weights: {error}"
            raise BadInput(what, where=where, now="reinstall assay, or run bench/train_reader.py") from error
        return cls(known, heads, hashlib.sha256(blob).hexdigest())

    @property
    def n_words(self) -> int:
        """How many words are kept; all others are read as one rare-word token."""
        return len(self._known)

    def vocabulary(self, party: Party = "user") -> tuple[str, ...]:
        """Core acts this reader can name for a party, in the order of its columns."""
        return self._head(party).acts

    def thresholds(self, party: Party = "user") -> dict[str, tuple[float, float]]:
        """Act -> (support_at, contradict_at), probabilities."""
        head = self._head(party)
        return {a: (float(head.support_at[i]), float(head.contradict_at[i])) for i, a in enumerate(head.acts)}

    def read(self, turns: Sequence[Turn], party: Party = "user") -> NDArray[np.float64]:
        """P(act present in the turn | its words and those of the turn before).

        Parameters
        ----------
        turns
            n pairs (text, text of the turn before it or None).
        party
            Whose turns they are.

        Returns
        -------
        (n, K) probabilities in (0, 1), columns in the order of `vocabulary(party)`; rows do not sum to 1.

        Raises
        ------
        BadInput
            An item that is not (text, text or None), or a party that is neither user nor assistant.
        """
        head = self._head(party)
        for i, turn in enumerate(turns):
            if len(turn) != 2 or not isinstance(turn[0], str) or not isinstance(turn[1], str | None):
                what = "a turn to read must be (text, previous text or None)"
                raise BadInput(what, where=f"turn {i}", now="pass pairs of strings")
        if not len(turns):
            return np.zeros((0, len(head.acts)))
        return head.probabilities([features(turn, self._known) for turn in turns])

    def distribution(self, turns: Sequence[Turn], party: Party = "user") -> NDArray[np.float64]:
        """p_a(value | visible text) for a label that takes ONE core act: `read`, divided by its row sum.

        It answers "if one of the acts in this turn is named, which?": in a turn with a single act it is that act's
        share of all that is read; a turn that holds several acts shares the mass among them. Acts outside the
        vocabulary get no mass: a label with such a value is not applicable, never wrong.

        Returns
        -------
        (n, K), rows sum to 1.
        """
        p = self.read(turns, party)
        return np.asarray(p / p.sum(axis=1, keepdims=True))

    def judge(self, p: NDArray[np.float64], value: str, party: Party = "user") -> tuple[Reading, str | None]:
        """What one row of `read` says of a label whose value is `value`, and the act that is read instead or first.

        Returns
        -------
        status and the act with the highest p / support_at (None where no act reaches its support_at).
        """
        head = self._head(party)
        ratio = p / head.support_at
        top = int(np.argmax(ratio))
        read = head.acts[top] if ratio[top] >= 1 else None
        if value not in head.index:
            return "not_applicable", read
        i = head.index[value]
        if ratio[i] >= 1:
            return "supported", value
        if p[i] < head.contradict_at[i] and read is not None:
            return "contradicted", read
        return "not_evidenced", read

    def _head(self, party: Party) -> _Head:
        if party not in self._heads:
            raise BadInput(f"no party {party!r}", where="HumanTurnReader", now="use 'user' or 'assistant'")
        return self._heads[party]


def _party_arrays(arrays: dict[str, NDArray[Any]], party: str) -> dict[str, NDArray[Any]]:
    return {key.removeprefix(f"{party}_"): value for key, value in arrays.items() if key.startswith(f"{party}_")}
