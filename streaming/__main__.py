"""`python -m streaming`: the program without the console script, as spark-submit and containers start it."""

from churn_io.console import run
from streaming.commands import app

run(app)
