"""`python -m producer`: the program without the console script."""

from churn_io.console import run
from producer.commands import app

run(app)
