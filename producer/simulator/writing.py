"""Files that appear when they are complete: one log, or a folder with a log a day."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from churn.errors import BadSetup
from churn_io.files import aside
from producer.simulator.sessions import DAY_S, Row

Write = Callable[[list[Row]], int]  # rows in time order -> bytes before compression


@contextmanager
def written(out: Path) -> Iterator[Write]:
    """Write all rows to one file, .json or .json.gz."""
    if not out.name.endswith((".json", ".json.gz")):
        raise BadSetup(f"{out}: a log is written as .json or .json.gz; name it so, or use --by-day for a folder")
    with aside(out) as file:
        yield lambda rows: file.write("".join([line for _, line in rows]))


@contextmanager
def written_by_day(folder: Path) -> Iterator[Write]:
    """Write each day (UTC) to a file of its own in the folder, 2018-10-01.json."""
    if folder.suffix in (".json", ".gz"):
        raise BadSetup(f"{folder}: with --by-day, --out is a folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise BadSetup(f"{folder}: is not empty, and the days of two logs would mix; choose another --out")
    with ExitStack() as current:
        open_day, file = -1, None

        def write(rows: list[Row]) -> int:
            nonlocal open_day, file
            size = 0
            for day, of_day in groupby(rows, key=lambda row: int(row[0] // DAY_S)):
                if day != open_day or file is None:
                    current.close()
                    name = datetime.fromtimestamp(day * DAY_S, UTC).strftime("%Y-%m-%d.json")
                    open_day, file = day, current.enter_context(aside(folder / name))
                size += file.write("".join([line for _, line in of_day]))
            return size

        yield write
