"""Conditions of policy rows and constraints: what a state or a draw must look like."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

if TYPE_CHECKING:
    from assay.records.blueprint import Blueprint

STATE_KEYS = (
    "start", "heard", "patience", "told", "untold", "learnt", "unlearnt", "said", "unsaid", "outcome", "offer",
)  # fmt: skip
"""Keys about the state of a conversation.

start: yes before the user's first turn. heard: the last assistant act. patience: `left` or `out`. told / untold: slots
already said or not. learnt / unlearnt: `learn` sub-goals. said / unsaid: user acts done or not. outcome: open,
resolved, refused. offer: fits or misfits the slots the user has in mind.
"""
DRAW_PREFIXES = ("goal", "profile.", "context.", "persona.", "slots.", "world.")
"""Keys about the draw. `persona.x` is compared by band: low, mid, high."""


def _lists(value: Any) -> Any:
    """Scalars become one-element lists; YAML's yes and no stay words."""
    if not isinstance(value, dict):
        return value

    def word(item: Any) -> str:
        return {True: "yes", False: "no"}[item] if isinstance(item, bool) else str(item)

    return {str(k): tuple(word(i) for i in (v if isinstance(v, list | tuple) else [v])) for k, v in value.items()}


Condition = Annotated[dict[str, tuple[str, ...]], BeforeValidator(_lists)]
"""Key -> accepted values; all keys must hold. For told, untold, ... every value must hold, else any."""

ALL_OF = frozenset({"told", "untold", "learnt", "unlearnt", "said", "unsaid"})
"""Keys whose values must all hold."""


def check_condition(condition: dict[str, tuple[str, ...]], blueprint: "Blueprint") -> Iterator[tuple[str, str]]:
    """(key, message) for each key or value that the blueprint does not know."""
    known: dict[str, Any] = {
        "heard": blueprint.assistant_acts,
        "told": blueprint.slots,
        "untold": blueprint.slots,
        "said": blueprint.user_acts,
        "unsaid": blueprint.user_acts,
        "goal": blueprint.goals,
        "outcome": ("open", "resolved", "refused"),
        "patience": ("left", "out"),
        "offer": ("fits", "misfits", "none"),
        "start": ("yes", "no"),
    }
    groups: dict[str, Any] = {"profile": blueprint.profile, "slots": blueprint.slots, "world": blueprint.world.fields}
    for key, values in condition.items():
        if key not in STATE_KEYS and not key.startswith(DRAW_PREFIXES):
            yield (
                key,
                f"unknown condition; one of {', '.join(STATE_KEYS)}, goal, profile.X, context.X, persona.X, slots.X",
            )
            continue
        group, _, name = key.partition(".")
        if group in groups and name not in groups[group]:
            yield key, f"no {group} attribute {name!r}"
        for value in values:
            if key in known and value not in known[key]:
                yield key, f"unknown value {value!r}; one of {', '.join(known[key])}"


def holds(condition: dict[str, tuple[str, ...]], facts: dict[str, Any]) -> bool:
    """Whether every key of a condition holds for a flat view of state and draw.

    `facts` maps a key to a value, or to a collection for the keys in ALL_OF.
    """
    for key, values in condition.items():
        have = facts.get(key)
        if key in ALL_OF:
            if not all(v in (have or ()) for v in values):
                return False
        elif have not in values:
            return False
    return True
