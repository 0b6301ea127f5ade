"""The root of the command line: order of commands, global options, and errors as people see them."""

import importlib
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from assay import __version__
from assay.cli.console import plain
from assay.errors import AssayError

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Start", ("demo", "audit", "label", "run", "review", "certify", "compare", "report")),
    (
        "More",
        (
            "author", "simulate", "verify", "power", "realism", "sample", "export", "import", "plant", "lint", "init",
            "gate", "checks", "view", "show", "diff", "status", "forget", "models", "doctor",
        ),
    ),
    ("Research", ("gap", "learn", "reliability", "consensus")),
)  # fmt: skip
"""Section of the help page -> commands, in order. A command `x-y` lives in cli/x_y.py."""

COMMANDS = tuple(c for _, names in SECTIONS for c in names)
MODULES = {"import": "import_", "init": "init_"}


class LazyGroup(TyperGroup):
    """Imports a command's module only when that command is called, so that help is quick."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"assay.cli.{MODULES.get(cmd_name, cmd_name.replace('-', '_'))}")
        small = typer.Typer(
            add_completion=False, rich_markup_mode=None, context_settings=CONTEXT, pretty_exceptions_enable=False
        )
        small.command(name=cmd_name)(module.command)
        return typer.main.get_command(small)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help page, from one-line summaries that need no imports."""
        from assay.cli.summaries import SUMMARIES

        formatter.write("Usage: assay COMMAND [OPTIONS]\n\n")
        formatter.write("Simulated user sessions whose ground-truth labels can be trusted, and how far.\n\n")
        formatter.write("To get started, run:  assay demo\n")
        for title, names in SECTIONS:
            formatter.write(f"\n{title}\n")
            for name in names:
                formatter.write(f"  {name:<12}{SUMMARIES[name]}\n")
        formatter.write("\nEvery command has --help and --json. Options here: --version, -h/--help.\n")
        formatter.write("Completion with Tab: assay --install-completion\n")


CONTEXT = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    cls=LazyGroup, add_completion=True, rich_markup_mode=None, no_args_is_help=True, context_settings=CONTEXT,
    pretty_exceptions_enable=False,
)  # fmt: skip


def _version(value: bool) -> None:
    if value:
        typer.echo(f"assay {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Simulated user sessions whose ground-truth labels can be trusted, and how far."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command and leave with its exit code (INTERFACE.md): never a traceback for an error of the user's."""
    code = run(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    # The embedded engine's threads would hold on to the process at a normal interpreter exit.
    if "xllamacpp" in sys.modules:
        os._exit(code)
    sys.exit(code)


def _help_for(arguments: list[str]) -> str:
    """Which help page to read after a wrong usage."""
    return f"assay {arguments[0]} --help" if arguments[0] in COMMANDS else "assay --help lists the commands"


def run(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    # typer carries a copy of click of its own, whose errors are not those of the package click
    usage: Any = typer.BadParameter.__mro__[2]
    arguments = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if arguments[0] in ("--show-completion", "--install-completion") and len(arguments) > 1:
        # the shell is named, and need not be found among the parents of this process
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    try:
        result = app(args=arguments, standalone_mode=False, prog_name="assay")
        return result if isinstance(result, int) else 0
    except AssayError as error:
        sys.stderr.write(plain(f"{type(error).__name__}: {error}\n"))
        return error.exit_code
    except typer.Exit as done:
        return int(done.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("Stopped. Run the same command to go on.\n")
        return 130
    except usage as error:
        sys.stderr.write(plain(f"BadInput: {error.format_message()}\n  -> {_help_for(arguments)}\n"))
        return 2
    except BrokenPipeError:
        return 0
    except OSError as error:
        sys.stderr.write(
            plain(f"StorageFailed: {error.strerror or error}\n  in {error.filename or 'the run folder'}\n")
            + "  -> free disk space or choose another folder, then run the same command again\n"
        )
        return 2
