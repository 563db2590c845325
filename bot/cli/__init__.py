"""The command `curbside`; heavy imports stay inside commands, so `--help` is quick."""

from typing import Annotated

import typer

from bot.cli import documents, inspecting, serving, starting

app = typer.Typer(
    name="curbside",
    help="An assistant for Slack and Discord; what answers is a switch.",
    epilog="Settings: curbside.toml, .env, environment. `curbside doctor` checks them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # the pretty help costs 170 ms of imports
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=starting.print_version
        ),
    ] = False,
) -> None:
    """Options of the command as a whole."""


manifest = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Print what a platform wants to know about the app.",
)
manifest.command("slack")(starting.manifest_slack)

app.command()(serving.chat)
app.command()(serving.run)
app.command()(serving.worker)
app.command()(documents.ingest)
app.command()(documents.sync)
app.command()(inspecting.doctor)
app.command()(inspecting.backends)
app.command("dead-letters")(inspecting.dead_letters)
app.command()(starting.init)
app.add_typer(manifest, name="manifest")
app.command()(starting.version)


def main() -> None:
    """What the console script calls."""
    app()
