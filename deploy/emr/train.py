"""What spark-submit starts on EMR: finds the package beside it, keeps the time limit, and runs the batch job."""

import os
import signal
import sys
from pathlib import Path

PARTS = ("sparkify", "environment")  # Spark unpacks the archives under these names into the working folder
OUT_OF_TIME = 124  # as `timeout` says it


def limited(minutes: int) -> None:
    """End the program after so many minutes, wherever it is: a Spark call that hangs would not see an exception."""

    def end(_number: int, _frame: object) -> None:
        print(f"error: the run has passed its limit of {minutes} minutes; submit it with --timeout-minutes", flush=True)
        os._exit(OUT_OF_TIME)

    signal.signal(signal.SIGALRM, end)
    signal.alarm(minutes * 60)


missing = [name for name in PARTS if not Path(name).is_dir()]
if missing:
    sys.exit(f"error: {Path.cwd()} lacks {' and '.join(missing)}: the archives of the package were not unpacked")
sys.path[:0] = [str(Path(name).absolute()) for name in PARTS]
limited(int(sys.argv.pop(1)))

from batch_training.__main__ import main  # noqa: E402

main()
