"""The one family of errors that a user can do something about; anything else is a bug and shows its traceback."""


class ChurnError(Exception):
    """Says in one line what was wanted, what was found, where, and what to do next."""


class InvalidLog(ChurnError):
    """A log that cannot be read, is empty, or holds too little to learn from."""


class ModelMismatch(ChurnError):
    """A model that was trained on other features than this code computes."""


class NoModel(ChurnError):
    """A registry without a current model, or a pointer to nothing."""


class BrokerUnavailable(ChurnError):
    """No Kafka broker answers at the address, or none lets us in."""


class NotAllowed(ChurnError):
    """An operation that the broker's access lists, or AWS's policies, do not grant us."""


class TopicMissing(ChurnError):
    """A topic that must exist does not."""


class CheckpointMismatch(ChurnError):
    """A checkpoint made by another state definition or by another set-up."""


class CheckpointInUse(ChurnError):
    """A checkpoint from which another process streams."""


class CheckpointDamaged(ChurnError):
    """A checkpoint with a file that is missing, cut or altered."""


class DataLost(ChurnError):
    """Records that the broker deleted before they were read."""


class JavaEnded(ChurnError):
    """The JVM of this program was killed, or ended by itself."""


class DiskFull(ChurnError):
    """A disk without room for the stream's state."""


class BadSetup(ChurnError):
    """The machine lacks something: Java, a free port, a jar."""


class CloudUnavailable(ChurnError):
    """AWS does not answer, throttles, or refuses for a reason of its own."""


class NotThere(CloudUnavailable):
    """A bucket, an object or a job that AWS does not know."""


class BadPackage(ChurnError):
    """A package for EMR that is half uploaded, damaged, or of another Python."""


class JobFailed(ChurnError):
    """A job on EMR that ended without success."""


class BadDownload(ChurnError):
    """What came down is not what lies at the server."""
