"""The core acts: the coarse, fixed dialogue acts that every blueprint act is `like`.

The list is small so that readers trained on real turns of public sets can name them. `sets` gives the acts of
public sets that map onto each one (SGD: Schema-Guided Dialogue, CamRest: CamRest676).
"""

from typing import NamedTuple


class CoreAct(NamedTuple):
    """One core act."""

    meaning: str
    """One line, in the words shown to annotators."""
    words: str
    """How the verbaliser's prompt names it (the adapter was trained on these words)."""
    sets: tuple[str, ...]
    """Acts of public sets that map onto it."""


CORE_ACTS: dict[str, CoreAct] = {
    "greet": CoreAct("says hello", "greet", ()),
    "state_goal": CoreAct("says what they want to get done", "state goal", ("SGD:INFORM_INTENT",)),
    "inform": CoreAct("gives a piece of information", "inform", ("SGD:INFORM", "CamRest:inform")),
    "no_preference": CoreAct("says that any value will do", "no preference", ("SGD:INFORM(dontcare)",)),
    "request": CoreAct("asks for a piece of information", "request", ("SGD:REQUEST", "CamRest:request")),
    "confirm": CoreAct("says yes, agrees", "confirm", ("SGD:AFFIRM", "SGD:AFFIRM_INTENT")),
    "reject": CoreAct("says no, declines", "reject", ("SGD:NEGATE", "SGD:NEGATE_INTENT")),
    "ask_alternative": CoreAct("asks for another option", "ask alternative", ("SGD:REQUEST_ALTS",)),
    "choose": CoreAct("picks one of the options offered", "choose", ("SGD:SELECT",)),
    "correct": CoreAct("corrects something said before", "correct", ()),
    "withhold": CoreAct("declines to say something that was asked", "withhold", ()),
    "complain": CoreAct("expresses dissatisfaction", "complain", ()),
    "acknowledge": CoreAct("shows having heard, nothing more", "acknowledge", ()),
    "thank": CoreAct("says thanks", "thank", ("SGD:THANK_YOU", "CamRest:thank")),
    "bye": CoreAct("closes the conversation", "bye", ("SGD:GOODBYE", "CamRest:bye")),
    "offer": CoreAct("proposes an option", "offer", ("SGD:OFFER", "SGD:OFFER_INTENT")),
    "ask_confirm": CoreAct("asks whether something is right", "ask confirm", ("SGD:CONFIRM",)),
    "notify_success": CoreAct("says that it is done", "notify success", ("SGD:NOTIFY_SUCCESS",)),
    "notify_failure": CoreAct("says that it cannot be done", "notify failure", ("SGD:NOTIFY_FAILURE",)),
    "ask_more": CoreAct("asks whether there is anything else", "ask more", ("SGD:REQ_MORE", "CamRest:reqmore")),
    "clarify": CoreAct("says that something was not understood", "clarify", ()),
}
"""Core act -> meaning, words, mapping. The first fifteen are a user's, the rest mostly an assistant's."""
