"""The boundary of every program: a ChurnError becomes one line and exit code 1, Ctrl-C becomes 130."""

import sys
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from churn.errors import ChurnError

INTERRUPTED = 130  # 128 + SIGINT, as shells count

speech = Console()
complaints = Console(stderr=True)


def run(program: Callable[[], object]) -> None:
    """Run `program` and leave with its exit code; a bug keeps its traceback."""
    try:
        program()
    except ChurnError as error:
        # as text: a path or an id in it may look like markup
        complaints.print(Text.assemble(("error:", "bold red"), " ", str(error)), soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
