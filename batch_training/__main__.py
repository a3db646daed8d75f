"""python -m batch_training, for a laptop and for spark-submit."""

from batch_training.commands import app
from churn_io.console import run


def main() -> None:
    """The command line with its error boundary."""
    run(app)


if __name__ == "__main__":
    main()
