"""Every error assay raises on purpose. Each says what, where and what now.

AssayError                      exit code
├── Refused                     1    a claim or gate that was asked for does not hold
│   └── OutOfBudget                  the next call might go beyond --max-cost
├── BadInput                    2    wrong usage or an input that cannot be read
│   ├── BadBlueprint
│   ├── BadSessions
│   └── BadAnswers
├── ProviderFailed              3    a model could not be reached or kept failing
├── RunMismatch                 4    the run folder belongs to another configuration or process
├── StorageFailed               2    disk full, read-only folder
└── OutOfMemory                 2    one unit needs more memory than there is; the others go on
"""


class AssayError(Exception):
    """Base of all errors with a message meant for the person at the keyboard."""

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", now: str = "") -> None:
        self.what, self.where, self.now = what, where, now
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  in {self.where}")
        if self.now:
            lines.append(f"  -> {self.now}")
        return "\n".join(lines)


class Refused(AssayError):
    """A claim that was asked for, a gate, or too many failed sessions."""

    exit_code = 1


class OutOfBudget(Refused):
    """The next model call might cost more than what is left of --max-cost. What was answered is kept."""


class BadInput(AssayError):
    """Wrong usage, or a file that cannot be read as what it should be."""


class BadBlueprint(BadInput):
    """A blueprint that is not valid; `where` names file, line and field."""


class BadSessions(BadInput):
    """A session file that is not in the session form; `where` names file and line."""


class BadAnswers(BadInput):
    """A CSV of answers that does not fit the sample it was drawn from."""


class StorageFailed(AssayError):
    """Disk full or folder not writable. What was committed before stays readable."""


class OutOfMemory(AssayError):
    """One unit needed more memory than there is. It is listed as failed; the others go on."""


class ProviderFailed(AssayError):
    """A model provider that did not answer after all retries."""

    retries = 0
    """Tries beyond the first that were made."""

    exit_code = 3
    retryable = False


class RunMismatch(AssayError):
    """A run folder made with another configuration, version, or in use by another process."""

    exit_code = 4


class NotEnoughData(AssayError):
    """A statistic that does not exist at this n. Carries n and the n it needs."""
