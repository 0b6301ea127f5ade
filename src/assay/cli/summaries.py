"""One line per command, for the help page."""

SUMMARIES: dict[str, str] = {
    "demo": "a small run of the bundled blueprint on the embedded model, ending with a report",
    "audit": "which labels of somebody else's sessions can be trusted",
    "run": "blueprint to report: all stages in one folder, resumable",
    "certify": "bound the label error with people's answers, or refuse",
    "report": "write report.html of a run folder",
    "author": "draw scenarios: every label before any text exists",
    "simulate": "let the scenarios of a run folder talk",
    "verify": "check the labels of a run folder with independent evidence",
    "power": "plant known faults into a copy, measure what each check catches",
    "sample": "draw labels for people to answer",
    "export": "write the trusted labels as a dataset with a card",
    "import": "read somebody else's sessions into a folder",
    "plant": "plant known faults into a session file",
    "lint": "check a blueprint",
    "init": "write a blueprint to start from",
    "checks": "list the checks, or explain one",
    "show": "print one session of a run folder with its labels",
    "status": "what a run folder holds and what comes next",
    "doctor": "check the machine, or a run folder",
}
