"""Personas and frames of a consistency plan, and the adapter it goes on from."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.door.learning_runs import sha256_of, start_adapter
from assay.errors import BadInput
from assay.importing.sessions import import_sessions as read_sessions
from assay.learning.base_weights import Base
from assay.learning.consistency_config import ConsistencyPlan, PersonaFile
from assay.learning.gguf_adapter import read_adapter
from assay.learning.own_personas import interview, people
from assay.learning.persona_frames import Frame, Persona, Trait, rendered, small_talk, without_leak
from assay.models.embedded import ADAPTER as SHIPPED
from assay.simulation import prompt
from assay.verification.consistency.one import told_facts

TOKEN = 4.0
"""Characters of a token of plain text, about."""
ASKED = 12
"""Tokens that a turn takes beside its lines, about."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Sessions before anybody has spoken, by what they are for."""

    train: tuple[Frame, ...]
    held_out: tuple[Frame, ...]
    files: dict[str, str]
    """File -> sha256."""
    licences: dict[str, tuple[str, ...]]
    left_out: int
    """Personas that are too long."""

    def row(self) -> dict[str, Any]:
        """What a summary says of them."""
        return {
            "data": [{"file": f, "sha256": d, "licences": list(self.licences[f])} for f, d in self.files.items()],
            "personas": {
                "train": len({f.persona.id for f in self.train}),
                "held_out": len({f.persona.id for f in self.held_out}), "left_out": self.left_out,
                "frames": len(self.train), "watched": len(self.held_out),
            },
        }  # fmt: skip


def parts_of(plan: ConsistencyPlan, folders: Sequence[Path]) -> Parts:
    """The frames of a plan. Raises BadInput for a missing file, no persona, or a fact in both parts."""
    files: dict[str, str] = {}
    licences: dict[str, tuple[str, ...]] = {}
    train_rng, held_rng = np.random.default_rng([plan.seed, 41]), np.random.default_rng([plan.seed, 42])
    left_out = 0
    groups: list[list[Persona]] = []
    for sources, most, held_out in ((plan.train, plan.personas, False), (plan.held_out, plan.watched, True)):
        # held-out personas are the same whatever the seed, so that runs can be compared
        rng = np.random.default_rng(43) if held_out else train_rng
        if sources:
            found = _read(sources, folders, plan.facts, files, licences)
        else:
            found = people(most, plan.facts, rng, held_out=held_out)
        short = [p for p in found if _fits(p, plan)]
        left_out += len(found) - len(short)
        if not short:
            raise BadInput(
                f"{'held_out' if held_out else 'train'}: no persona that fits in {plan.longest} tokens",
                where=", ".join(s.file for s in sources) or "assay's own personas",
                now="give sessions whose users have a persona, or raise `longest`",
            )  # fmt: skip
        groups.append([short[i] for i in sorted(rng.permutation(len(short))[:most])])
    without_leak(*groups)
    frame = small_talk if plan.train else interview
    made = [
        [frame(p, k, rng, plan.turns) for k in range(plan.sessions) for p in group]
        for group, rng in zip(groups, (train_rng, held_rng), strict=True)
    ]
    return Parts(tuple(_distinct(made[0])), tuple(made[1]), files, licences, left_out)


def _distinct(frames: Sequence[Frame]) -> list[Frame]:
    """Frames whose first prompts differ: a trainer tells them apart by these."""
    return list({rendered(prompt, f, ()): f for f in frames}.values())


def _fits(persona: Persona, plan: ConsistencyPlan) -> bool:
    letters = sum(len(t) + 2 for t in persona.told)
    return letters / TOKEN + plan.turns * (plan.tokens + 2 * ASKED) <= plan.longest


def _read(
    sources: Sequence[PersonaFile], folders: Sequence[Path], facts: int, files: dict[str, str],
    licences: dict[str, tuple[str, ...]],
) -> list[Persona]:  # fmt: skip
    found: dict[tuple[str, ...], Persona] = {}
    for source in sources:
        path = _find(source.file, folders)
        files[source.file] = sha256_of(path)
        known = set(licences.get(source.file, ()))
        for session in read_sessions(path, None):
            if source.parts and session.split not in source.parts:
                continue
            known.add(session.licence or "not stated")
            told = told_facts(session, source.party)[:facts]
            if told:
                traits = tuple(Trait(told=t.rstrip("."), fact=t) for t in told)
                found.setdefault(told, Persona(f"{source.file}:{session.id}", traits))
        licences[source.file] = tuple(sorted(known))
    return list(found.values())


def _find(file: str, folders: Sequence[Path]) -> Path:
    tried = [Path(file)] if Path(file).is_absolute() else [folder / file for folder in folders]
    for path in tried:
        if path.is_file():
            return path
    raise BadInput("no such session file", where=str(tried[0]), now="name the folder of the files in --data")


@dataclass(frozen=True, slots=True)
class Start:
    """The adapter that a run goes on from."""

    path: Path
    """A peft folder, or a GGUF file."""
    sha256: str

    def opened(self, folder: Path, base: Base) -> Path:
        """A peft folder of it; a GGUF file is made one inside the run folder, once."""
        if self.path.is_dir():
            return self.path
        made = folder / "start"
        if not (made / "adapter_config.json").is_file():
            heads, kv_heads = base.heads
            read_adapter(self.path, made, heads=heads, kv_heads=kv_heads)
        return made


def start_folder(start: str, base: Base) -> Start | None:
    """What `start` names: `shipped`, a GGUF file of assay, or a run folder. None for nothing.

    Raises BadInput where there is no adapter, or it was made for another base.
    """
    if start == "shipped" or start.endswith(".gguf"):
        path = SHIPPED if start == "shipped" else Path(start)
        if not path.is_file():
            raise BadInput("start: no such adapter", where=str(path), now="give `shipped`, a .gguf file or a folder")
        if start != "shipped":
            _same_base(_base_of(path), base, start)
        elif not base.runs_embedded:
            _same_base("the embedded weights", base, start)
        return Start(path, sha256_of(path))
    folder = start_adapter(start)
    if folder is None:
        return None
    summary = Path(start) / "summary.json"
    if summary.is_file():
        _same_base(str(json.loads(summary.read_text(encoding="utf-8"))["base"]["sha256"]), base, start)
    weights = folder / "adapter_model.safetensors"
    return Start(folder, hashlib.sha256(weights.read_bytes()).hexdigest())


def _same_base(made_for: str, base: Base, start: str) -> None:
    if made_for != base.sha256:
        raise BadInput(
            f"start: the adapter is for another base ({made_for[:16]}, this one is {base.sha256[:16]})", where=start,
            now="start from an adapter of this base, or name its base in `base`",
        )  # fmt: skip


def _base_of(path: Path) -> str:
    """sha256 of the weights that a GGUF adapter says it was trained on."""
    import gguf

    field = gguf.GGUFReader(path).fields.get("assay.base.sha256")
    return str(field.contents()) if field is not None else "not stated"
