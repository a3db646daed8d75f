"""The usual protocol's figures as text, with the reasons why they flatter."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from batch_training.capstone import CERTAIN, FEATURES, TENURE, Usual
from batch_training.learners import MAJORITY

COLUMNS = {  # heading -> the figure
    "F1 of\nchurn": "f1",
    "weighted\nF1": "weighted_f1",
    "majority's\nweighted F1": "weighted_f1_of_majority",
    "AUC": "roc_auc",
    "AP": "average_precision",
}


def table(found: Usual) -> Table:
    """A row a learner, the majority's weighted F1 beside each."""
    shown = Table(
        title="The usual protocol: a row a user, whoever ever cancels",
        caption=(
            f"{len(FEATURES)} features of the whole log; {found.training.users:,} users to learn from, "
            f"{found.training.cancels:,} of whom cancel; measured on {found.test.users:,} others, "
            f"{found.test.cancels:,} of whom do; {CERTAIN:g} and over counts as a cancel"
        ),
        caption_justify="left",
        box=SIMPLE_HEAD,
    )
    shown.add_column("learner")
    for heading in COLUMNS:
        shown.add_column(heading, justify="right")
    for result in found.results:
        shown.add_row(result["learner"], *(f"{result[name]:.3f}" for name in COLUMNS.values()))
    return shown


def reasons(found: Usual) -> list[str]:
    """Why the figures flatter, in sentences with this log's numbers."""
    majority = next(result for result in found.results if result["learner"] == MAJORITY)
    stay, cancel = found.typical[TENURE]
    return [
        "These figures flatter. They are for comparison with published ones, not for a decision:",
        "- A history ends at the cancel for a user who leaves, and with the log for all others. So totals tell who has "
        f"left already: the last row is {cancel:.0f} days after the registration (median) if the user cancels, "
        f"{stay:.0f} days if not.",
        "- A weighted F1 is the mean over both classes, most of it that of the users who stay: who says that nobody "
        f"cancels has {majority['weighted_f1_of_majority']:.3f} here, and finds none (F1 of churn "
        f"{majority['f1']:.3f}). What is called F1 elsewhere is often the weighted one.",
        f"- {found.test.cancels:,} users who cancel are all that the test has: each is worth "
        f"{1 / found.test.cancels:.2f} of recall, and another --seed gives other figures.",
        "- It forecasts nothing: no moment is named before which the features, and after which the cancel, would lie. "
        "`sparkify train LOGS` without --protocol does that.",
    ]
