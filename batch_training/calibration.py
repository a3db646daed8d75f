"""From a learner's raw score to a probability that means what it says."""

from pyspark.ml.classification import LogisticRegression
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import Matrices
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from churn.labels import LABEL

IDENTITY = (1.0, 0.0)


def platt(raw: DataFrame) -> tuple[float, float]:
    """`probability` (uncalibrated, inside 0 and 1) and `label` -> slope and intercept on its logit (Platt, 1999).

    The slope is at least 0: a learner that ranks worse than chance is not turned round but told apart no more.
    """
    logit = F.log(F.col("probability") / (1.0 - F.col("probability")))
    regression = LogisticRegression(
        featuresCol="logit",
        labelCol=LABEL,
        maxIter=100,
        lowerBoundsOnCoefficients=Matrices.dense(1, 1, [0.0]),
    )
    fitted = regression.fit(raw.select(array_to_vector(F.array(logit)).alias("logit"), LABEL))
    return float(fitted.coefficients[0]), float(fitted.intercept)
