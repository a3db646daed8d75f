"""The one console script: a verb each, from all programs."""

import typer

from batch_training.commands import app as batch_app
from batch_training.model_commands import app as models_app
from churn_io.console import run
from cloud.data_commands import app as data_app
from cloud.emr_commands import app as emr_app
from producer.commands import app as producer_app
from sandbox.commands import app as kafka_app
from sandbox.commands import demo_app
from sandbox.study_command import app as study_app
from streaming.commands import app as streaming_app

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Who will cancel in the next days, and why: Sparkify events in, churn alerts out.",
)
for program in (demo_app, study_app, producer_app, batch_app, streaming_app):
    app.registered_commands.extend(program.registered_commands)
app.add_typer(kafka_app, name="kafka")
app.add_typer(models_app, name="models")
app.add_typer(emr_app, name="emr")
app.add_typer(data_app, name="data")


def main() -> None:
    """The `sparkify` program."""
    run(app)
