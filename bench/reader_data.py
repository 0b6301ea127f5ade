"""The real human turns that the reader of core acts is trained and measured on, with the acts their sets tell of.

None of the sessions that the verbaliser's adapter was trained on (SGD `train` and `dev`, CamRest676 `train`) is read
here, but for the single turns of PersuasionForGood, which are read for measuring only.
"""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACTS: dict[str, tuple[str, ...]] = {
    "user": (
        "greet", "state_goal", "inform", "no_preference", "request", "confirm", "reject", "ask_alternative", "choose",
        "correct", "complain", "thank", "bye",
    ),
    "assistant": (
        "greet", "offer", "inform", "request", "ask_confirm", "notify_success", "notify_failure", "ask_more", "bye",
    ),
}  # fmt: skip
SGD: dict[str, dict[str, str]] = {
    "user": {
        "INFORM_INTENT": "state_goal", "INFORM": "inform", "REQUEST": "request", "AFFIRM": "confirm",
        "AFFIRM_INTENT": "confirm", "NEGATE": "reject", "NEGATE_INTENT": "reject", "REQUEST_ALTS": "ask_alternative",
        "SELECT": "choose", "THANK_YOU": "thank", "GOODBYE": "bye",
    },
    "assistant": {
        "OFFER": "offer", "OFFER_INTENT": "offer", "INFORM": "inform", "REQUEST": "request", "CONFIRM": "ask_confirm",
        "NOTIFY_SUCCESS": "notify_success", "NOTIFY_FAILURE": "notify_failure", "REQ_MORE": "ask_more",
        "GOODBYE": "bye",
    },
}  # fmt: skip
UNSEEN = frozenset({"Trains", "Messaging", "Payment", "Banks", "Alarm"})
"""SGD domains kept out of all training and tuning; 1 in 5 BANKING77 intents and CaSiNo `test` are kept out too."""
FOLDS: tuple[frozenset[str], ...] = tuple(
    frozenset(fold.split())
    for fold in ("Flights Buses", "RentalCars RideSharing", "Hotels Homes Travel", "Restaurants Services",
                 "Media Movies Music", "Events Weather")
)  # fmt: skip
FAREWELL = re.compile(r"\b(good ?bye|bye|have an? \w+ (day|evening|night|weekend|trip|one))\b", re.IGNORECASE)
THANKS = re.compile(r"\b(thanks|thank you|thx)\b", re.IGNORECASE)
GREETING = re.compile(r"\W*(hi|hello|hey|hiya|howdy|greetings|good (morning|afternoon|evening))\b", re.IGNORECASE)
PROBLEMS = frozenset(
    [
        "wrong_amount_of_cash_received",
        "transaction_charged_twice",
        "declined_cash_withdrawal",
        "declined_card_payment",
        "declined_transfer",
        "failed_transfer",
        "top_up_failed",
        "top_up_reverted",
        "reverted_card_payment?",
        "card_not_working",
        "virtual_card_not_working",
        "contactless_not_working",
        "card_swallowed",
        "extra_charge_on_statement",
        "Refund_not_showing_up",
        "card_payment_not_recognised",
        "cash_withdrawal_not_recognised",
        "direct_debit_payment_not_recognised",
        "card_payment_wrong_exchange_rate",
        "wrong_exchange_rate_for_cash_withdrawal",
        "transfer_not_received_by_recipient",
        "balance_not_updated_after_bank_transfer",
        "balance_not_updated_after_cheque_or_cash_deposit",
        "card_payment_fee_charged",
        "transfer_fee_charged",
        "cash_withdrawal_charge",
    ]
)
NOT_FIRST = ("no_preference", "confirm", "reject", "choose", "correct", "ask_alternative", "bye")
"""Acts that answer or follow something, so no message that opens a conversation holds them."""
NO_PROBLEMS = frozenset(
    [
        "age_limit",
        "country_support",
        "atm_support",
        "supported_cards_and_currencies",
        "exchange_charge",
        "exchange_rate",
        "transfer_timing",
        "card_delivery_estimate",
        "visa_or_mastercard",
        "top_up_limits",
        "disposable_card_limits",
        "why_verify_identity",
        "card_acceptance",
        "fiat_currency_support",
        "verify_top_up",
        "top_up_by_card_charge",
        "top_up_by_bank_transfer_charge",
        "activate_my_card",
        "cancel_transfer",
        "change_pin",
        "edit_personal_details",
        "terminate_account",
        "request_refund",
        "order_physical_card",
        "getting_spare_card",
        "getting_virtual_card",
        "get_disposable_virtual_card",
        "get_physical_card",
    ]
)
"""BANKING77 intents that report something gone wrong, and those that ask or want something; the rest is left out."""


@dataclass(frozen=True)
class Item:
    """One real turn; `known` holds only the acts whose presence or absence its set tells."""

    text: str
    previous: str | None
    known: dict[str, bool]
    source: str
    domains: frozenset[str]
    """Domains of its acts."""
    session_domains: frozenset[str]
    """Domains of its whole session."""
    session: str = ""
    weight: float = field(default=1.0)


def load(data: Path, name: str) -> Iterator[dict[str, Any]]:
    """Sessions of one set."""
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf8") as lines:
        yield from map(json.loads, lines)


def sgd_known(turn: dict[str, Any], before: dict[str, Any] | None, party: str) -> dict[str, bool]:
    """Presence of every core act that SGD tells of."""
    acts = turn["labels"]["acts"]
    found: set[str] = set()
    for act in acts:
        if act["act"] == "INFORM" and act["values"] == ["dontcare"]:
            found.add("no_preference")
        elif act["act"] in SGD[party]:
            found.add(SGD[party][act["act"]])
    told = {*SGD[party].values()} | ({"no_preference", "correct"} if party == "user" else set())
    if party == "user" and before is not None:
        asked = {a["slot"]: a["values"] for a in before["labels"]["acts"] if a["act"] == "CONFIRM"}
        if any(a["act"] == "INFORM" and asked.get(a["slot"], a["values"]) != a["values"] for a in acts):
            found.add("correct")
    if party == "assistant" and "inform" not in found and any(a["act"] == "INFORM_COUNT" for a in acts):
        told.discard("inform")
    return {act: act in found for act in told}


def with_greeting(known: dict[str, bool], text: str) -> dict[str, bool]:
    """Adds `greet` by its closed list of opening words, the one act labelled by rule."""
    return {**known, "greet": GREETING.match(text) is not None}


def by_words(known: dict[str, bool], text: str, party: str) -> dict[str, bool]:
    """Adds `bye` and `thank` where their closed lists of words stand; says nothing where they don't."""
    known = {**known, "bye": True} if FAREWELL.search(text) else known
    return {**known, "thank": True} if party == "user" and THANKS.search(text) else known


def sgd_items(data: Path, party: str) -> Iterator[Item]:
    """Turns of SGD `test`; `complain` is absent throughout (SGD users have nothing to complain of)."""
    for row in load(data, "sgd"):
        if row["split"] != "test":
            continue
        everywhere = frozenset(s.split("_")[0] for s in row["session_labels"]["services"])
        for i, turn in enumerate(row["turns"]):
            if turn["speaker"] != party or not turn["labels"].get("acts"):
                continue
            before = row["turns"][i - 1] if i else None
            known = with_greeting(sgd_known(turn, before, party), turn["text"])
            if party == "user":
                known["complain"] = False
            domains = frozenset(a["service"].split("_")[0] for a in turn["labels"]["acts"])
            yield Item(turn["text"], before and before["text"], known, "sgd", domains, everywhere, row["id"])


def camrest_items(data: Path, party: str) -> Iterator[Item]:
    """Turns of CamRest676 `validation` and `test` ; its general acts are not annotated and come by their words."""
    for row in load(data, "camrest676"):
        home = spread("camrest", row["id"])
        for i, turn in enumerate(row["turns"]):
            acts = turn["labels"].get("acts", [])
            if row["split"] == "train" or turn["speaker"] != party:
                continue
            known = {"request": any(a["intent"] == "request" for a in acts)} if acts else {}
            if party == "user" and acts:
                told = [a for a in acts if a["intent"] == "inform"]
                known["no_preference"] = any(a["value"] == "dontcare" for a in told)
                known["inform"] = any(a["value"] != "dontcare" for a in told)
            known = by_words(known, turn["text"], party)
            before = row["turns"][i - 1]["text"] if i else None
            yield Item(turn["text"], before, with_greeting(known, turn["text"]), "camrest", home, home, row["id"])


def spread(name: str, key: str) -> frozenset[str]:
    """One of as many parts of a set as there are folds: for sets of one domain, sessions are left out instead."""
    return frozenset({f"{name}{zlib.crc32(key.encode()) % len(FOLDS)}"})


def parts(k: int) -> frozenset[str]:
    """What fold k leaves out of the sets of one domain."""
    return frozenset(f"{name}{k}" for name in ("camrest", "casino", "ccpe", "banking"))


def casino_items(data: Path, party: str) -> Iterator[Item]:
    """The first two turns of each CaSiNo session (greetings, or none) and its farewells and thanks."""
    for row in load(data, "casino"):
        home = UNSEEN if row["split"] == "test" else spread("casino", row["id"])
        for i, turn in enumerate(row["turns"]):
            if turn["speaker"] == party and not turn["labels"].get("deal"):
                before = row["turns"][i - 1]["text"] if i else None
                known = with_greeting({"bye": False}, turn["text"]) if i < 2 else by_words({}, turn["text"], party)
                yield Item(turn["text"], before, known, "casino", home, home, row["id"])


def ccpe_items(data: Path, party: str) -> Iterator[Item]:
    """CCPE-M: annotated statements of preference inform; its assistant's questions request, by the set's protocol."""
    for row in load(data, "ccpe_m"):
        home = spread("ccpe", row["id"])
        for i, turn in enumerate(row["turns"]):
            if turn["speaker"] != party:
                continue
            known: dict[str, bool] = {}
            if party == "user" and turn["labels"]["annotation_type"] == "ENTITY_PREFERENCE":
                known = {"inform": True}
            elif party == "assistant" and turn["text"].rstrip().endswith("?"):
                known = {"request": True, "offer": False, "notify_success": False, "notify_failure": False}
            known = with_greeting(known, turn["text"]) if i < 2 else known
            before = row["turns"][i - 1]["text"] if i else None
            yield Item(turn["text"], before, known, "ccpe", home, home, row["id"], weight=0.3)


def banking_items(data: Path, party: str) -> Iterator[Item]:
    """BANKING77 messages: reports of problems against questions and tasks. One message, no turn before it."""
    if party != "user":
        return
    for row in load(data, "banking77"):
        intent, text = row["session_labels"]["intent"], row["turns"][0]["text"]
        known = dict.fromkeys(
            ("no_preference", "confirm", "reject", "choose", "correct", "ask_alternative", "bye"), False
        )
        if intent in PROBLEMS:
            known |= {"complain": True}
        elif intent in NO_PROBLEMS:
            known |= {"complain": False}
        else:
            continue
        home = UNSEEN if zlib.crc32(intent.encode()) // 7 % 5 == 0 else spread("banking", intent)
        yield Item(text, None, with_greeting(known, text), "banking", home, home, row["id"], weight=0.3)


PERSUASION: dict[str, tuple[str, ...]] = {
    "greet": ("greeting",),
    "thank": ("thank",),
    "bye": ("closing",),
    "confirm": ("agree-donation",),
    "reject": ("disagree-donation",),
    "request": (
        "ask-org-info", "task-related-inquiry", "personal-related-inquiry", "source-related-inquiry",
        "ask-donation-procedure", "ask-persuader-donation-intention", "ask-donation-amount",
    ),
}  # fmt: skip
"""Core act -> acts that the annotators of PersuasionForGood named."""


def persuasion(data: Path, party: str) -> list[Item]:
    """PersuasionForGood turns with acts named by people: read for the card only, never trained on."""
    out = []
    for row in load(data, "persuasionforgood"):
        for i, turn in enumerate(row["turns"]):
            acts = turn["labels"].get("acts")
            if turn["speaker"] == party and acts:
                known = {
                    core: not set(names).isdisjoint(acts) for core, names in PERSUASION.items() if core in ACTS[party]
                }
                before = row["turns"][i - 1]["text"] if i else None
                out.append(Item(turn["text"], before, known, "persuasion", frozenset(), frozenset(), row["id"]))
    return out


def collect(data: Path, party: str) -> list[Item]:
    """All items of one party, in a fixed order."""
    sources: list[Callable[[Path, str], Iterator[Item]]] = [
        sgd_items, camrest_items, casino_items, ccpe_items, banking_items,
    ]  # fmt: skip
    return [item for source in sources for item in source(data, party)]
