"""Jobs that were started: their state, the wait for their end, and their end; on a cluster or without one."""

import time
from collections.abc import Callable
from typing import Any

from churn.errors import CloudUnavailable, JobFailed, NotThere
from cloud import serverless, step_states
from cloud.aws import Aws, Call
from cloud.jobs import Handle, State

POLL_SECONDS = 15  # AWS throttles who asks much more often
MOST_UNANSWERED = 20  # questions in a row, five minutes: a network that is away for longer is somebody's matter

Show = Callable[[State, float], None]


def state(aws: Aws, job: Handle) -> State:
    """How the job is."""
    return step_states.state(aws, job) if job.is_step else serverless.state(aws, job)


def cancel(job: Handle) -> Call:
    """The call that ends the job."""
    return step_states.cancel(job) if job.is_step else serverless.cancel(job)


def require_cancelling(job: Handle, answer: dict[str, Any]) -> None:
    """Raise CloudUnavailable when AWS answers the call that it does not end the job."""
    if job.is_step:
        step_states.require_cancelling(job, answer)


def awaited(
    aws: Aws,
    job: Handle,
    show: Show,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> State:
    """The state in which the job has ended, each on the way given to `show` with the seconds that have passed.

    Raises CloudUnavailable only when AWS leaves many questions in a row unanswered: the job goes on meanwhile.
    """
    began = clock()
    unanswered = 0
    while True:
        try:
            found = state(aws, job)
        except NotThere:
            raise
        except CloudUnavailable:
            unanswered += 1
            if unanswered == MOST_UNANSWERED:
                raise
        else:
            unanswered = 0
            show(found, clock() - began)
            if found.is_over:
                return found
        sleep(POLL_SECONDS)


def require_success(job: Handle, found: State) -> None:
    """Raise JobFailed, with AWS's reason and where to read on, for a job that has ended otherwise."""
    if found.failure:
        raise JobFailed(f"{job}: {found.failure}; `sparkify emr logs {job}` fetches what it said")
