"""A challenger beside the champion: what it says of the same users, for whoever compares them; it decides nothing."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from churn.classes import SHARES, shares
from churn.model import INPUTS, Model, standardised, with_probability

SHADOW = "shadow"  # the column, and the field of churn-scores
PROBABILITY = "shadow_probability"


class Shadow:
    """A model with its columns built, as a Scorer has them; a probability a user, without reasons."""

    def __init__(self, model: Model) -> None:
        self.model = model
        card = model.card
        self._shares = shares(card.classes)
        self._inputs = standardised(card)
        self._said = F.struct(
            F.lit(card.version).alias("model_version"),
            F.col(PROBABILITY).alias("probability"),
            F.lit(card.threshold).alias("threshold"),
            F.lit(card.horizon_days).alias("horizon_days"),
        )

    def beside(self, features: DataFrame) -> DataFrame:
        """Features with their counts of pages -> with SHADOW: model_version, probability, threshold, horizon_days."""
        inputs = features.withColumn(SHARES, self._shares).withColumn(INPUTS, self._inputs)
        scored = with_probability(inputs, self.model, F.col(INPUTS), PROBABILITY)
        return scored.select(*features.columns, self._said.alias(SHADOW))
