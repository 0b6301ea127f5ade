"""The core acts: the coarse, fixed dialogue acts that every blueprint act is `like`.

The list is small so that readers trained on real turns of public sets can name them. `sets` gives the acts of
public sets that map onto each one (SGD: Schema-Guided Dialogue, CamRest: CamRest676, P4G: PersuasionForGood, CaSiNo).
The maps of SGD and CamRest are close to exact; those of P4G and CaSiNo, whose acts are moves of persuasion and
negotiation, are coarse: a positive reaction counts as a yes, an appeal as information.
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
    "greet": CoreAct("says hello", "greet", ("P4G:greeting",)),
    "state_goal": CoreAct("says what they want to get done", "state goal", ("SGD:INFORM_INTENT",)),
    "inform": CoreAct(
        "gives a piece of information", "inform",
        (
            "SGD:INFORM", "SGD:INFORM_COUNT", "CamRest:inform", "P4G:credibility-appeal", "P4G:logical-appeal",
            "P4G:emotion-appeal", "P4G:donation-information", "P4G:self-modeling", "P4G:personal-story",
            "P4G:positive-to-inquiry", "P4G:neutral-to-inquiry", "P4G:negative-to-inquiry",
            "P4G:provide-donation-amount", "CaSiNo:self-need", "CaSiNo:other-need", "CaSiNo:no-need",
        ),
    ),
    "no_preference": CoreAct(
        "says that any value will do", "no preference", ("SGD:INFORM(dontcare)", "CamRest:inform(dontcare)")
    ),
    "request": CoreAct(
        "asks for a piece of information", "request",
        (
            "SGD:REQUEST", "CamRest:request", "P4G:ask-org-info", "P4G:task-related-inquiry",
            "P4G:non-personal-Task-related-inquiry", "P4G:personal-related-inquiry", "P4G:source-related-inquiry",
            "P4G:ask-donation-procedure", "P4G:ask-persuader-donation-intention", "P4G:ask-donation-amount",
            "P4G:ask-donate-more", "P4G:ask-not-donate-reason", "CaSiNo:elicit-pref",
        ),
    ),
    "confirm": CoreAct(
        "says yes, agrees", "confirm",
        (
            "SGD:AFFIRM", "SGD:AFFIRM_INTENT", "P4G:agree-donation", "P4G:confirm-donation",
            "P4G:positive-reaction-to-donation",
        ),
    ),
    "reject": CoreAct(
        "says no, declines", "reject",
        (
            "SGD:NEGATE", "SGD:NEGATE_INTENT", "P4G:disagree-donation", "P4G:disagree-donation-more",
            "P4G:negative-reaction-to-donation", "CaSiNo:uv-part",
        ),
    ),
    "ask_alternative": CoreAct("asks for another option", "ask alternative", ("SGD:REQUEST_ALTS",)),
    "choose": CoreAct("picks one of the options offered", "choose", ("SGD:SELECT",)),
    "correct": CoreAct("corrects something said before", "correct", ()),
    "withhold": CoreAct("declines to say something that was asked", "withhold", ()),
    "complain": CoreAct("expresses dissatisfaction", "complain", ()),
    "acknowledge": CoreAct(
        "shows having heard, nothing more", "acknowledge",
        (
            "P4G:acknowledgement", "P4G:neutral-reaction-to-donation", "P4G:praise-user", "P4G:comment-partner",
            "P4G:you-are-welcome", "CaSiNo:showing-empathy",
        ),
    ),
    "thank": CoreAct("says thanks", "thank", ("SGD:THANK_YOU", "CamRest:thank", "P4G:thank")),
    "bye": CoreAct("closes the conversation", "bye", ("SGD:GOODBYE", "CamRest:bye", "P4G:closing")),
    "offer": CoreAct(
        "proposes an option", "offer",
        (
            "SGD:OFFER", "SGD:OFFER_INTENT", "P4G:proposition-of-donation", "P4G:foot-in-the-door",
            "CaSiNo:promote-coordination", "CaSiNo:vouch-fair",
        ),
    ),
    "ask_confirm": CoreAct("asks whether something is right", "ask confirm", ("SGD:CONFIRM",)),
    "notify_success": CoreAct("says that it is done", "notify success", ("SGD:NOTIFY_SUCCESS",)),
    "notify_failure": CoreAct(
        "says that it cannot be done", "notify failure", ("SGD:NOTIFY_FAILURE", "CamRest:nooffer")
    ),
    "ask_more": CoreAct("asks whether there is anything else", "ask more", ("SGD:REQ_MORE", "CamRest:reqmore")),
    "clarify": CoreAct("says that something was not understood", "clarify", ()),
}  # fmt: skip
"""Core act -> meaning, words, mapping. The first fifteen are a user's, the rest mostly an assistant's."""

USER_CORE_ACTS = tuple(CORE_ACTS)[:15]
"""Core acts that a user can do."""

SAYS_NOTHING: tuple[str, ...] = ("P4G:other", "P4G:off-task", "CaSiNo:non-strategic", "CaSiNo:small-talk", "CaSiNo:")
"""Acts of public sets that no core act stands for: a turn that holds nothing else tells nothing."""
