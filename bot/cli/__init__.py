"""The command `curbside`; heavy imports stay inside commands, so `--help` is quick."""

from typing import Annotated

import typer

from bot.cli import (
    calibrating,
    datasets,
    documents,
    gaps,
    inspecting,
    proposing,
    rescuing,
    reviewing,
    serving,
    starting,
    tuning,
)

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
app.command()(documents.reindex)
app.command()(documents.migrate)
app.command()(calibrating.calibrate)
app.command()(gaps.gaps)
app.command()(inspecting.doctor)
app.command()(inspecting.backends)
app.command("dead-letters")(inspecting.dead_letters)
app.command()(starting.init)
app.add_typer(manifest, name="manifest")
app.command()(starting.version)


dataset = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Examples to train on: from feedback and files to a frozen set.",
)
dataset.command("list")(datasets.list_examples)
dataset.command()(datasets.collect)
dataset.command("import")(datasets.import_file)
dataset.command("from-documents")(proposing.from_documents)
dataset.command()(proposing.passages)
dataset.command()(proposing.stats)
dataset.command()(reviewing.review)
dataset.command()(datasets.scrub)
dataset.command()(datasets.check)
dataset.command()(datasets.split)
dataset.command()(datasets.freeze)
dataset.command()(datasets.export)
app.add_typer(dataset, name="dataset")

tune = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Train models of your own, and put them behind the switch.",
)
tune.command()(tuning.train)
tune.command()(tuning.resume)
tune.command("list")(tuning.list_runs)
tune.command()(tuning.show)
tune.command()(tuning.cancel)
tune.command()(tuning.merge)
tune.command()(tuning.models)
tune.command()(tuning.register)
tune.command()(tuning.deploy)
tune.command()(tuning.undeploy)
app.add_typer(tune, name="tune")
app.command("serve-adapter")(tuning.serve_adapter)
app.command()(rescuing.rescue)


def main() -> None:
    """What the console script calls."""
    app()
