"""The job in Flink SQL through PyFlink: all work is in the JVM. Checkpoints, at least once, changes in mini-batches."""

import subprocess
import tempfile
import time
from pathlib import Path

from aggregates import (
    CANCEL_PAGES,
    CANCELLED,
    COUNTED_PAGES,
    DAY_MS,
    DECAYED_PAGES,
    FIELDS,
    HOP_MS,
    SCORE_WEIGHT,
    SCORED,
    TAUS_DAYS,
    snake,
)
from contract import Bounds, bounds, first, flags, report
from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

CONNECTOR = "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2"
BACKENDS = ("rocksdb", "hashmap")
EVENTS = """
CREATE TABLE events (userId STRING, page STRING, ts BIGINT, `level` STRING, registration DOUBLE) WITH (
  'connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{bootstrap}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'specific-offsets', 'scan.bounded.specific-offsets' = '{end}',
  'format' = 'json')
"""
RECORDS = """
CREATE TABLE records (id STRING, user_id STRING, window_start_ms BIGINT, {fields}, score DOUBLE,
  PRIMARY KEY (id) NOT ENFORCED) WITH (
  'connector' = 'upsert-kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{bootstrap}',
  'key.format' = 'raw', 'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY',
  'properties.linger.ms' = '20', 'properties.batch.size' = '262144', 'sink.delivery-guarantee' = 'at-least-once')
"""
WINDOWED = f"""
SELECT userId AS user_id, page, ts, `level`, CAST(registration AS BIGINT) AS registered_ms, window_start_ms,
  page NOT IN ({", ".join(f"'{page}'" for page in CANCEL_PAGES)}) AS is_behaviour
FROM events CROSS JOIN UNNEST(ARRAY[ts - MOD(ts, {HOP_MS}), ts - MOD(ts, {HOP_MS}) - {HOP_MS}]) AS w (window_start_ms)
WHERE userId <> '' AND registration IS NOT NULL
"""


def main() -> None:
    """Run the job to the end of the wanted records, report."""
    parser = flags(__doc__)
    parser.add_argument("--state", type=Path, metavar="DIR", help="for checkpoints; a temporary folder if not given")
    parser.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0], help="where the state is between them")
    parser.add_argument("--jar", type=Path, help=f"the connector; fetched with mvn if not given: {CONNECTOR}")
    args = parser.parse_args()
    jar = args.jar or fetched()
    state = args.state or Path(tempfile.mkdtemp(prefix="peers-flink-"))
    published_before = bounds(args.bootstrap, args.out).records
    started = time.monotonic()
    wanted = first(args.events, args.topic, bounds(args.bootstrap, args.topic))
    tables = environment(jar, state, args.backend, len(wanted.end))
    tables.execute_sql(EVENTS.format(topic=args.topic, bootstrap=args.bootstrap, end=specific_offsets(wanted)))
    fields = ", ".join(f"{name} {'DOUBLE' if name.startswith('s_') else 'BIGINT'}" for name in FIELDS)
    tables.execute_sql(RECORDS.format(topic=args.out, bootstrap=args.bootstrap, fields=fields))
    tables.execute_sql(f"INSERT INTO records {job()}").wait()
    seconds = time.monotonic() - started
    report(args.events, seconds, bounds(args.bootstrap, args.out).records - published_before)


def fetched() -> Path:
    """The connector's jar, from Maven's local repository or else from Maven Central."""
    folder = Path(tempfile.mkdtemp(prefix="peers-jar-"))
    command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={CONNECTOR}", f"-DoutputDirectory={folder}"]
    subprocess.run(command, check=True)
    (jar,) = folder.glob("*.jar")
    return jar


def environment(jar: Path, state: Path, backend: str, partitions: int) -> TableEnvironment:
    """Flink inside this process, one task for each partition."""
    settings = {
        "pipeline.jars": jar.resolve().as_uri(),
        "parallelism.default": str(partitions),
        "taskmanager.numberOfTaskSlots": str(partitions),
        "taskmanager.memory.managed.size": "1g",
        "state.backend.type": backend,
        "execution.checkpointing.interval": "5 s",
        "execution.checkpointing.incremental": "true",
        "execution.checkpointing.dir": state.resolve().as_uri(),
        "pipeline.object-reuse": "true",
        "table.exec.mini-batch.enabled": "true",
        "table.exec.mini-batch.allow-latency": "2 s",
        "table.exec.mini-batch.size": "100000",
        # the key is made of what is grouped by, so that each key has its changes from one task, in order
        "table.exec.sink.upsert-materialize": "NONE",
    }
    configuration = Configuration()
    for name, value in settings.items():
        configuration.set_string(name, value)
    return TableEnvironment.create(
        EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    )


def specific_offsets(wanted: Bounds) -> str:
    """The ends of the partitions as the connector wants them."""
    return ";".join(f"partition:{partition},offset:{offset}" for partition, offset in wanted.end.items())


def job() -> str:
    """The query: events in windows -> aggregates -> records."""
    scored = " + ".join(f"LN(1E0 + COALESCE({name}, 0))" for name in SCORED)
    return f"""
SELECT user_id || '|' || CAST(window_start_ms AS STRING), user_id, window_start_ms, {", ".join(FIELDS)},
  1E0 / (1E0 + EXP(-{SCORE_WEIGHT}E0 * ({scored})))
FROM (
  SELECT user_id, window_start_ms, {", ".join(f"{sql} AS {name}" for name, sql in aggregates().items())}
  FROM ({WINDOWED}) GROUP BY user_id, window_start_ms)
"""


def aggregates() -> dict[str, str]:
    """FIELDS -> SQL."""
    return {
        "n_events": "COUNT(*) FILTER (WHERE is_behaviour)",
        "first_ms": "MIN(ts) FILTER (WHERE is_behaviour)",
        "last_ms": "MAX(ts) FILTER (WHERE is_behaviour)",
        "level_code": "MAX(ts * 2 + CASE WHEN `level` = 'paid' THEN 1 ELSE 0 END) FILTER (WHERE is_behaviour)",
        "registered_ms": "MAX(registered_ms)",
        "cancelled_ms": f"MAX(ts) FILTER (WHERE page = '{CANCELLED}')",
        **{f"n_{snake(page)}": f"COUNT(*) FILTER (WHERE page = '{page}')" for page in COUNTED_PAGES},
        **{
            f"n_paid_{snake(page)}": f"COUNT(*) FILTER (WHERE page = '{page}' AND `level` = 'paid')"
            for page in COUNTED_PAGES
        },
        **{f"s_{snake(page)}_{tau}d": decayed_sum(page, tau) for page in DECAYED_PAGES for tau in TAUS_DAYS},
    }


def decayed_sum(page: str, tau_days: int) -> str:
    """The sum of exp((ts - window start) / tau) over the page's events."""
    grown = f"EXP((ts - window_start_ms) / {tau_days * DAY_MS}E0)"
    return f"SUM(CASE WHEN page = '{page}' THEN {grown} ELSE 0E0 END)"


if __name__ == "__main__":
    main()
