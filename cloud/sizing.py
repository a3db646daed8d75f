"""How large a cluster a log needs, and what the run may take and cost: an estimate, with what it assumes."""

import math
from dataclasses import dataclass

GB = 10**9

# Measured: all learners on 26.4 million rows, 12 GB of JSON, took 264 s on two local cores.
MEASURED_CORE_SECONDS_PER_GB = 264 * 2 / 12
# Assumed, not measured: a vCPU is half a core, and S3 is slower than a local disk.
VCPU_SECONDS_PER_GB = 2.5 * MEASURED_CORE_SECONDS_PER_GB
COMPRESSED = (".gz", ".parquet")
COMPRESSION = 10  # assumed: bytes of JSON in a byte of these
SERIAL_SECONDS = 90  # assumed: planning and small fits, which more executors do not hasten
START_SECONDS = {"serverless": 120, "cluster": 0, "transient": 420}  # assumed: until Spark runs

EXECUTOR_CORES = 4
GB_PER_EXECUTOR = 6  # of JSON: each then has some two to three minutes' work
FEWEST_EXECUTORS, MOST_EXECUTORS = 2, 32

# US East (N. Virginia), on demand, dollars an hour; https://aws.amazon.com/emr/pricing/ says today's
VCPU_HOUR, GB_HOUR = 0.052624, 0.0057785  # EMR Serverless, x86
WORKER_GB = 16  # what a worker of 4 vCPU is billed with
NODE_HOUR = {"m5.xlarge": 0.192 + 0.048, "m5.2xlarge": 0.384 + 0.096}  # EC2's price and EMR's
SPOT_SHARE = 0.4  # assumed: what a spot node costs of EC2's price; EMR's own share is not reduced
SPOT_NODE_HOUR = 0.192 * SPOT_SHARE + 0.048


@dataclass(frozen=True)
class Size:
    """A log's size in bytes of JSON, and the executors that it gets."""

    json_bytes: int
    executors: int

    @property
    def cores(self) -> int:
        """Of all executors."""
        return self.executors * EXECUTOR_CORES


@dataclass(frozen=True)
class Estimate:
    """What a run may take (seconds, start included) and cost (dollars)."""

    seconds: float
    dollars: float


def json_bytes(objects: list[tuple[str, int]]) -> int:
    """Bytes of JSON in objects given by key and size, compressed ones counted as what they hold."""
    return sum(size * (COMPRESSION if key.endswith(COMPRESSED) else 1) for key, size in objects)


def sized(size_bytes: int) -> Size:
    """Executors for a log of so many bytes of JSON: one for each six GB, two to 32 of them."""
    wanted = math.ceil(size_bytes / GB / GB_PER_EXECUTOR)
    return Size(size_bytes, min(max(wanted, FEWEST_EXECUTORS), MOST_EXECUTORS))


def estimated(size: Size, kind: str) -> Estimate:
    """Time and price of one training on `serverless`, a `cluster` that runs anyway (free), or a `transient` one.

    For the public set of 12 GB: two executors, 120 + 90 + 165 s, and nine cents on EMR Serverless.
    """
    work = VCPU_SECONDS_PER_GB * size.json_bytes / GB / size.cores
    seconds = START_SECONDS[kind] + SERIAL_SECONDS + work
    return Estimate(seconds, hourly(size, kind) * seconds / 3600)


def hourly(size: Size, kind: str) -> float:
    """Dollars an hour of all that is paid for the run alone."""
    if kind == "serverless":
        workers = size.executors + 1  # the driver is one
        return workers * (EXECUTOR_CORES * VCPU_HOUR + WORKER_GB * GB_HOUR)
    if kind == "transient":
        on_demand = NODE_HOUR["m5.xlarge"] + NODE_HOUR["m5.2xlarge"]
        return on_demand + (size.executors - 1) * SPOT_NODE_HOUR
    return 0.0


def in_words(size: Size, kind: str) -> str:
    """The estimate as a sentence."""
    found = estimated(size, kind)
    price = f"some ${found.dollars:.2f}" if kind != "cluster" else "nothing beyond the cluster's own price"
    return (
        f"{size.json_bytes / GB:.2f} GB of JSON: {size.executors} executors of {EXECUTOR_CORES} vCPU; "
        f"an estimate: {found.seconds / 60:.0f} minutes, {price} (docs/emr.md says what it assumes)"
    )
