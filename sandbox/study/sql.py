"""The state's definition as SQL for another engine: its expressions are Spark's own, of the plans of churn.state."""

import re
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from churn.state import DAY_MS, aggregates, by_day, window_start_ms

# Spark's names that DuckDB lacks
MACROS = ("CREATE OR REPLACE MACRO shiftleft(bits, places) AS bits << places",)
DOUBLE = re.compile(r"(\d)D\b")  # a literal like 7.0D


def of_daily(events: DataFrame, source: str) -> str:
    """`churn.state.by_day` of events that another engine finds in `source`."""
    return of_plan(_analyzed(by_day(events)), source)


def of_plan(plan: Any, source: str) -> str:
    """A plan of selects and aggregates as nested SQL; what it reads is `source`. Raises ValueError at another node."""
    if plan.children().isEmpty():
        return f"SELECT * FROM {source}"
    if plan.nodeName() not in {"Project", "Aggregate"}:
        raise ValueError(f"{plan.nodeName()} in a plan; only selects and aggregates are put into SQL")
    inner = of_plan(plan.child(), source)
    if plan.nodeName() == "Project":
        return f"SELECT {_texts(plan.projectList())} FROM ({inner})"
    return f"SELECT {_texts(plan.aggregateExpressions())} FROM ({inner}) GROUP BY {_texts(plan.groupingExpressions())}"


def of_states(partials: DataFrame, moments_ms: list[int], source: str) -> str:
    """`churn.state.states_at` of daily partials that another engine finds in `source`.

    The aggregates are the state's; which partials count at which moment is said here, by itself.
    """
    merged = (a.combine(a.rebase(F.col(a.name), F.col("days"))).alias(a.name) for a in aggregates())
    plan = _analyzed(partials.withColumn("days", F.lit(0.0)).groupBy("user_id").agg(*merged))
    columns = ", ".join(_text(plan.aggregateExpressions().apply(place)) for place in range(1, len(aggregates()) + 1))
    pairs = ", ".join(f"({moment}, {window_start_ms(moment)})" for moment in moments_ms)
    return f"""
        WITH moments(as_of_ms, window_start_ms) AS (VALUES {pairs}),
        counted AS (
            SELECT *, (day_ms - window_start_ms) / {float(DAY_MS)} AS days FROM {source} JOIN moments
            ON day_ms >= window_start_ms AND (day_ms < as_of_ms OR (day_ms = as_of_ms AND is_midnight))
        ),
        states AS (
            SELECT user_id, as_of_ms, window_start_ms, {columns} FROM counted
            GROUP BY user_id, as_of_ms, window_start_ms
        )
        SELECT *, min(first_ms) OVER (PARTITION BY as_of_ms) AS log_start_ms FROM states
    """


def of_difference(one: str, other: str, keys: tuple[str, ...], columns: dict[str, str]) -> str:
    """The largest difference of two relations with one row per `keys`: 0 if equal, infinite if a row lacks.

    `columns` -> DuckDB's type: doubles differ relatively (absolutely below 1), all others by nothing or infinitely.
    """
    terms = [f"IF(o.{keys[0]} IS NULL OR t.{keys[0]} IS NULL, CAST('inf' AS DOUBLE), 0.0)"]
    for name, kind in columns.items():
        both = f"o.{name} IS NOT DISTINCT FROM t.{name}"
        apart = f"abs(o.{name} - t.{name}) / greatest(1.0, abs(o.{name}))" if kind == "DOUBLE" else "NULL"
        terms.append(f"IF({both}, 0.0, coalesce({apart}, CAST('inf' AS DOUBLE)))")
    on = " AND ".join(f"o.{key} = t.{key}" for key in keys)
    return f"SELECT max(greatest({', '.join(terms)})) FROM {one} AS o FULL JOIN {other} AS t ON {on}"


def _analyzed(frame: DataFrame) -> Any:
    return frame._jdf.queryExecution().analyzed()


def _texts(expressions: Any) -> str:
    return ", ".join(_text(expressions.apply(place)) for place in range(expressions.size()))


def _text(expression: Any) -> str:
    return DOUBLE.sub(r"\1", expression.sql())
