"""What the checkpoint tells: which state it holds, and what each micro-batch was planned to read."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from churn.errors import CheckpointDamaged, CheckpointMismatch
from churn.state import HOP_DAYS, HOP_MS, STATE_VERSION, WINDOW_DAYS, state_columns
from churn_io.kafka_ranges import Offsets
from churn_io.storage import Storage, local_path
from streaming.query import WATERMARK_DELAY_MS
from streaming.repeats import forgotten_before

CARD = "checkpoint.json"
QUERY = "query"  # Spark's own folder inside the checkpoint
VERSION = "v1"  # the first line of Spark's logs

# A batch's changes instead of the whole state store: a tenth of a small batch's time. Spark writes the store as a whole
# once a minute beside the batches, which a run that only drains a topic may not live to see.
CHANGES_ONLY = "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled"

# Where the checkpoint is a local folder. With Spark's defaults Hadoop starts three dozen processes a batch, `readlink`
# and `chmod`; so it starts a fifth of that.
ON_LOCAL_FILES = {
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
}


@dataclass(frozen=True)
class CheckpointCard:
    """What is frozen when a checkpoint is made; another set-up needs another checkpoint."""

    state_version: str
    windows_days: list[int]
    aggregates: list[str]
    topic: str
    topic_id: str
    shuffle_partitions: str
    dedupe_hours: int | None


@dataclass(frozen=True)
class Plan:
    """A micro-batch as planned before it ran; a restart repeats it exactly.

    `clock_ms` is the latest event time of all batches before (None: there were none); a partition that is new to
    the topic starts at 0;
    events before `late_before_ms` are late.
    """

    batch_id: int
    start: Offsets
    end: Offsets
    clock_ms: int | None
    late_before_ms: int


class Checkpoint:
    """A folder with Spark's checkpoint and a card that says what state it holds."""

    def __init__(self, storage: Storage, folder: str, dedupe_hours: int | None = None) -> None:
        self.storage = storage
        self.dedupe_hours = dedupe_hours
        self.folder = folder.rstrip("/")
        self.query_folder = f"{self.folder}/{QUERY}"
        self.spark_folder = storage.spark_path(self.query_folder)

    def settings(self, is_live: bool) -> dict[str, str | None]:
        """How a query is to write it; None: as Spark does by itself."""
        is_here = local_path(self.folder) is not None
        files = {name: value if is_here else None for name, value in ON_LOCAL_FILES.items()}
        return files | {CHANGES_ONLY: "true" if is_live else None}

    def require(self, topic: str, topic_id: str, shuffle_partitions: str) -> None:
        """Make the card of a new checkpoint, or raise CheckpointMismatch when the folder holds another state.

        `topic_id` is Kafka's own: a topic that was made anew has the old one's name, and offsets that mean nothing.
        """
        windows_days = [WINDOW_DAYS, HOP_DAYS]
        wanted = CheckpointCard(
            STATE_VERSION, windows_days, state_columns(), topic, topic_id, shuffle_partitions, self.dedupe_hours
        )
        card = f"{self.folder}/{CARD}"
        if not self.storage.exists(card):
            if self.storage.exists(self.query_folder):
                raise CheckpointMismatch(f"{self.folder}: a checkpoint without its {CARD}; {ELSEWHERE}")
            self.storage.write(card, json.dumps(asdict(wanted), indent=2))
            return
        try:
            found = json.loads(self.storage.read(card))
        except ValueError as error:
            raise CheckpointDamaged(f"{card}: not JSON ({error}); {ELSEWHERE}") from error
        differing = [name for name, value in asdict(wanted).items() if found.get(name) != value]
        if differing:
            name = differing[0]
            raise CheckpointMismatch(
                f"{self.folder}: made with {name}={found.get(name)}, this run has {asdict(wanted)[name]}; {ELSEWHERE}"
            )

    def plan(self, batch_id: int) -> Plan:
        """What Spark wrote down for the batch before it began."""
        watermark_ms, end = self._offsets(batch_id)
        if batch_id == 0:
            lines = self.storage.read(f"{self.query_folder}/sources/0/0").splitlines()
            return Plan(0, filled(json.loads(lines[-1]), end), end, None, 0)
        late_watermark_ms, before = self._offsets(batch_id - 1)
        return Plan(
            batch_id, filled(before, end), end, clock(watermark_ms), late_before(late_watermark_ms, self.dedupe_hours)
        )

    def last_clock_ms(self, batch_id: int) -> int | None:
        """The latest event time (epoch ms) of all batches up to a committed one; None when they held no event."""
        lines = self.storage.read(f"{self.query_folder}/commits/{batch_id}").splitlines()
        return clock(int(json.loads(lines[1])["nextBatchWatermarkMs"]))

    def last_committed(self) -> int | None:
        """The newest batch whose state and results are complete; None before the first."""
        return self._newest("commits")

    def last_planned(self) -> int | None:
        """The newest batch that was begun; None before the first."""
        return self._newest("offsets")

    def require_whole(self) -> None:
        """Raise CheckpointDamaged when one of the files that a start reads is cut or missing.

        Spark would stop at most of them too, without a word on which it is; the states it checks itself.
        """
        planned, committed = self.last_planned(), self.last_committed()
        if planned is None and committed is None:
            return
        newest = -1 if planned is None else planned
        if committed not in (newest, newest - 1 if newest else None):
            raise self._damaged(f"commits/{newest - 1}" if (committed or 0) < newest else f"offsets/{committed}")
        wanted = {"metadata": 1, f"offsets/{newest}": 2}  # lines of JSON
        wanted |= {f"offsets/{newest - 1}": 2} if newest else {"sources/0/0": 1}
        wanted |= {} if committed is None else {f"commits/{committed}": 1}
        for name, lines in wanted.items():
            self._require_json(name, lines)

    def _require_json(self, name: str, lines: int) -> None:
        try:
            rows = self.storage.read(f"{self.query_folder}/{name}").replace("\0", "").splitlines()
            found = [json.loads(row) for row in rows if row != VERSION]
        except (FileNotFoundError, ValueError) as error:
            raise self._damaged(name) from error
        if len(found) < lines:
            raise self._damaged(name)

    def _damaged(self, name: str) -> CheckpointDamaged:
        return CheckpointDamaged(f"{self.query_folder}/{name}: cut or missing; {ELSEWHERE}")

    def _newest(self, log: str) -> int | None:
        names = self.storage.names(f"{self.query_folder}/{log}")
        return max((int(name) for name in names if name.isdigit()), default=None)

    def _offsets(self, batch_id: int) -> tuple[int, Offsets]:
        lines = self.storage.read(f"{self.query_folder}/offsets/{batch_id}").splitlines()
        metadata: dict[str, Any] = json.loads(lines[1])
        return int(metadata["batchWatermarkMs"]), json.loads(lines[2])


ELSEWHERE = (
    "name a new --checkpoint and the state is rebuilt from the topic's beginning, first with --state-only, "
    "or all that was scored and alerted comes again"
)


def filled(starts: Offsets, end: Offsets) -> Offsets:
    """The starts for all partitions of the end: one that is new to the topic starts at 0."""
    return {
        topic: {partition: starts.get(topic, {}).get(partition, 0) for partition in partitions}
        for topic, partitions in end.items()
    }


def clock(watermark_ms: int) -> int | None:
    """The latest event time (epoch ms) behind a watermark; None before the first event."""
    return watermark_ms + WATERMARK_DELAY_MS if watermark_ms else None


def late_before(watermark_ms: int, dedupe_hours: int | None) -> int:
    """The moment (epoch ms) before which events are late by this watermark.

    Their two windows are both closed then; or, where repeats are left out, nobody remembers whether they came before.
    """
    if dedupe_hours is None:
        return watermark_ms // HOP_MS * HOP_MS
    return forgotten_before(watermark_ms, dedupe_hours, WATERMARK_DELAY_MS) if watermark_ms else 0
