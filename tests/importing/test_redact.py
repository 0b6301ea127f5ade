"""Personal data taken out at import: what is found, what is left, and that the same value stays the same."""

import json
from pathlib import Path

import pytest

from assay.door.auditing import import_sessions
from assay.errors import BadInput
from assay.importing.redact import Redactor, iban, luhn, read_names

CARD, IBAN = "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"


@pytest.mark.parametrize(
    ("text", "kind"),
    [("mail ann.lee+x@mail.example.com now", "email"), (f"my card is {CARD}.", "card"), ("4111-1111-1111-1111", "card"),
     (f"pay to {IBAN}", "iban"), ("GB82WEST12345698765432", "iban"), ("call +49 170 1234567", "phone"),
     ("call (555) 123-4567", "phone"), ("555-123-4567", "phone"), ("030/1234567 please", "phone"),
     ("01 23 45 67 89", "phone")],
)  # fmt: skip
def test_personal_data_is_found(text, kind):
    redactor = Redactor()
    said = redactor.text(text)
    assert f"[{kind}-1]" in said
    assert dict(redactor.counts) == {kind: 1}


@pytest.mark.parametrize(
    "text",
    ["order #W7654321 of 2024-05-17", "It costs 1234.50 dollars", "at 10:30 on 12/11/2024", "NB-22919", "a@b",
     "4111 1111 1111 1112", "DE88 3704 0044 0532 0130 00", "in 1999 and 2024", "version 3.11.4", "user_42", "0.5"],
)  # fmt: skip
def test_other_numbers_stay(text):
    assert Redactor().text(text) == text


def test_names_are_taken_out_where_they_are_words():
    redactor = Redactor(["Ann Lee", "Ann"])
    assert redactor.text("Ann Lee and ANN, not Annabel") == "[name-1] and [name-2], not Annabel"


def test_the_same_value_is_the_same_everywhere():
    redactor = Redactor()
    assert redactor.text("A@x.org, a@x.org and b@x.org") == "[email-1], [email-1] and [email-2]"
    assert redactor.text("4111111111111111 or 4111-1111-1111-1111") == "[card-1] or [card-1]"
    assert redactor.row()["email"] == {"replaced": 3, "different": 2}


def test_check_digits():
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")
    assert iban(IBAN)
    assert not iban("DE88370400440532013000")


def test_nothing_personal_reaches_the_disk(tmp_path: Path) -> None:
    row = {
        "id": "ann@x.org", "private": {"user": {"mail": "ann@x.org", "card": CARD}},
        "session_labels": {"who": "Ann Lee"},
        "turns": [{"speaker": "user", "text": f"I am Ann Lee, ann@x.org, {CARD}", "labels": {"slot": "ann@x.org"}},
                  {"speaker": "assistant", "text": "ok", "tool_calls": [{"arguments": {"mail": "ann@x.org"}}]}],
    }  # fmt: skip
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "names.txt").write_text("Ann Lee\n")
    found = import_sessions(tmp_path / "a.jsonl", tmp_path / "run", redact=True, names=tmp_path / "names.txt")
    assert found["redacted"]["email"] == {"replaced": 5, "different": 1}
    for path in (tmp_path / "run").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(secret in data for secret in (b"ann@x.org", b"Ann Lee", CARD.encode()))


def test_names_without_redact_or_without_names(tmp_path):
    (tmp_path / "none.txt").write_text("\n")
    with pytest.raises(BadInput, match="without redact"):
        import_sessions(tmp_path / "a.jsonl", tmp_path / "run", names=tmp_path / "none.txt")
    with pytest.raises(BadInput, match="no names"):
        read_names(tmp_path / "none.txt")
