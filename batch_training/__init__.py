"""logs -> model: snapshots, split, learners, evaluation, registry; and batch scoring."""
