"""The EMR releases that the package is made for; both bring Python 3.11 as /usr/bin/python3.11."""

from dataclasses import dataclass

from churn.errors import BadSetup

PYTHON = "3.11"
INTERPRETER = f"/usr/bin/python{PYTHON}"


@dataclass(frozen=True)
class Release:
    """A release label and its Spark."""

    label: str
    spark: str


# https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-spark810-release.html and …/emr-7130-release.html
RELEASES = (Release("emr-spark-8.1.0", "4.1.1"), Release("emr-7.13.0", "3.5.6"))
LATEST = RELEASES[0].label


def release(label: str) -> Release:
    """The release of that label; raises BadSetup with those that are known."""
    for known in RELEASES:
        if known.label == label:
            return known
    known_labels = ", ".join(f"{known.label} (Spark {known.spark})" for known in RELEASES)
    raise BadSetup(f"release {label}: this project does not know it; it runs on {known_labels}")
