"""Whether the engines did the same work: the final sums of each, beside the product's state."""

from benchmarks.engines import Outcome
from benchmarks.peers.final import final_values
from benchmarks.stage import Stage
from churn.errors import ChurnError
from churn_io.console import speech
from churn_io.session import DEFAULT_MASTER, spark_session
from churn_io.storage import Storage
from streaming.checkpoint import Checkpoint
from streaming.sweep import stored_states

LARGEST = 1e-6  # relative: the sums are added up in another order


class Disagreement(ChurnError):
    """An engine whose sums are not the product's: its speed says nothing."""


def largest_difference(stage: Stage, outcomes: list[Outcome]) -> dict[str, float]:
    """By engine, the largest relative difference of any sum from the product's, in their last turns.

    Raises Disagreement for one that has other users or windows.
    """
    last = {outcome.engine: outcome for outcome in outcomes}
    if "product" not in last:
        return {}
    ours = product_sums(last["product"].checkpoint)
    return {
        name: difference(name, ours, final_values(stage.bootstrap, outcome.scores_topic))
        for name, outcome in last.items()
        if name not in ("product", "parse")
    }


def require_agreement(differences: dict[str, float]) -> None:
    """Say how far the sums differ; raises Disagreement where that is more than LARGEST."""
    wrong = {name: value for name, value in differences.items() if value > LARGEST}
    if wrong:
        raise Disagreement(f"sums differ by more than {LARGEST:g} from the product's: {wrong}; the programs disagree")
    for name, value in differences.items():
        speech.print(f"the sums of {name} are the product's to {value:.1e}")


def product_sums(folder: str) -> dict[str, dict[str, float]]:
    """The product's state: by user|window, its sums."""
    spark = spark_session("agreement", DEFAULT_MASTER)
    checkpoint = Checkpoint(Storage(spark), folder)
    batch_id = checkpoint.last_committed()
    if batch_id is None:
        raise Disagreement(f"{folder}: no batch was finished")
    _ = spark.streams.active  # brings up what reading a state needs, as a query of this session would
    rows = stored_states(spark, checkpoint.spark_folder, batch_id).toLocalIterator()
    sums = {f"{row['user_id']}|{row['window_start_ms']}": row.asDict() for row in rows}
    spark.stop()
    return sums


def difference(engine: str, ours: dict[str, dict[str, float]], theirs: dict[str, dict[str, float]]) -> float:
    """The largest relative difference of the sums that both have; raises Disagreement when the keys differ.

    Windows that the product has closed, and its state forgotten, are left out: the others keep them.
    """
    oldest = min(map(window_of, ours))
    theirs = {key: sums for key, sums in theirs.items() if window_of(key) >= oldest}
    if ours.keys() != theirs.keys():
        strange = sorted(ours.keys() ^ theirs.keys())
        raise Disagreement(f"{engine}: {len(strange)} users and windows are in one result only, such as {strange[:3]}")
    return max(
        relative(ours[key].get(name), value)
        for key, sums in theirs.items()
        for name, value in sums.items()
        if name in ours[key] and name != "user_id"
    )


def window_of(key: str) -> int:
    """The start (epoch ms) of the window in `user|window`."""
    return int(key.rpartition("|")[2])


def relative(wanted: float | None, found: float | None) -> float:
    """|found - wanted| by |wanted|, or by one if that is more; a missing value is one of 0."""
    wanted, found = float(wanted or 0), float(found or 0)
    return abs(found - wanted) / max(abs(wanted), 1.0)
