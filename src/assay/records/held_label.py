"""Labels of a run too large to hold as records: the same fields in fixed places, a third of the memory."""

from typing import Any, Self, cast

from assay.records.label import Label


class HeldLabel:
    """What a Label says, read only, without its distribution; a `Holder` makes one.

    A record keeps its fields in a dictionary of its own, which takes more than what stands in it: 1.7 million labels
    would be 2.3 GB. Functions that read labels and replace them with `model_copy` take either.
    """

    __slots__ = tuple(Label.model_fields)

    def __init__(self, fields: dict[str, Any]) -> None:
        for name in self.__slots__:
            setattr(self, name, fields[name])

    def model_copy(self, *, update: dict[str, Any]) -> Self:
        """The same label with other values of some fields."""
        return type(self)({name: getattr(self, name) for name in self.__slots__} | update)

    @property
    def silent(self) -> bool:
        """As of a Label."""
        return cast(bool, Label.silent.__get__(self))


class Holder:
    """Makes held labels that share what is the same in many: session, name, values, reasons, verdicts."""

    def __init__(self) -> None:
        self.shared: dict[Any, Any] = {}
        self.verdicts: dict[tuple[tuple[str, str], ...], Any] = {}

    def hold(self, label: Label) -> Label:
        """The label in few bytes, without distribution."""
        return self._shared({name: getattr(label, name) for name in FIELDS} | {"distribution": NOTHING})

    def _shared(self, fields: dict[str, Any]) -> Label:
        for name in SHARED:
            value = fields[name]
            # values of labels may be lists and dicts, which nothing can be looked up by
            if isinstance(value, str | tuple):
                fields[name] = self.shared.setdefault(value, value)
        said = fields["verdicts"]
        fields["verdicts"] = self.verdicts.setdefault(tuple(said.items()), said)
        return cast(Label, HeldLabel(fields))

    def hold_row(self, row: dict[str, Any]) -> Label:
        """The same of a row of a stored table with the columns COLUMNS, as JSON values."""
        fields = {name: row[column] for name, column in FIELDS.items()}
        span = fields["span"]
        fields |= {"distribution": NOTHING, "span": None if span is None else tuple(span),
                   "reasons": tuple(fields["reasons"])}  # fmt: skip
        return self._shared(fields)


NOTHING: dict[str, float] = {}
FIELDS = {n: f.alias or n for n, f in Label.model_fields.items() if n != "distribution"}
"""Field -> its column in a stored table."""
COLUMNS = tuple(FIELDS.values())
SHARED = ("session", "name", "kind", "value", "source", "authored", "realised", "read", "tier", "suggested", "reasons")
"""Fields with few different values."""
