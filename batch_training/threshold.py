"""Where an alert begins: the score that spends the budget of alerts on the calibration snapshot."""

import numpy as np

from batch_training.evaluation import Floats, budget_users


def threshold_for(probability: Floats, budget: float) -> float:
    """The lowest score at which at most the budget (share of the live users) is at or over it.

    Just over the highest score when even its ties exceed the budget: then nobody is alerted.
    """
    descending = np.sort(probability)[::-1]
    k = budget_users(len(probability), budget)
    edge = descending[k - 1]
    if k < len(descending) and descending[k] == edge:  # the tie goes on beyond the budget
        higher = descending[descending > edge]
        edge = higher[-1] if len(higher) else np.nextafter(edge, np.inf)
    return float(edge)
