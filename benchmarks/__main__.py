"""`make bench`: all engines in turn, several times; a table, and ratios in build/bench/report.json."""

import json
import statistics
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from benchmarks.agreement import largest_difference, require_agreement
from benchmarks.engines import ENGINES, Outcome
from benchmarks.stage import Stage, set_up
from churn_io.console import run, speech

app = typer.Typer(pretty_exceptions_enable=False)

RATIOS = {"parse": "ratio_to_parse", "plain": "ratio_to_plain_loop", "quix": "ratio_to_quix", "flink": "ratio_to_flink"}


@app.command()
def bench(
    events: Annotated[int, typer.Option(min=10_000, help="Records on the topic.")] = 5_000_000,
    users: Annotated[int, typer.Option(min=1, help="Who made them.")] = 22_277,
    turns: Annotated[int, typer.Option(min=1, help="How often each engine runs.")] = 3,
    engine: Annotated[list[str] | None, typer.Option(help="Only these; may be repeated.")] = None,
    folder: Annotated[Path, typer.Option(help="For the broker, the log and the report.")] = Path("build/bench"),
) -> None:
    """Drain the same topic with each engine, and compare events a second, start-up included."""
    chosen = engine or list(ENGINES)
    unknown = sorted(set(chosen) - set(ENGINES))
    if unknown:
        raise typer.BadParameter(f"no engine {', '.join(unknown)}; there are {', '.join(ENGINES)}")
    with set_up(folder, events, users) as stage:
        speech.print(f"{events:,} events of {users:,} users; kafka-python filled the topic at {stage.fill_rate:,.0f}/s")
        outcomes = measured(stage, chosen, turns)
        rows = {name: summary([each for each in outcomes if each.engine == name]) for name in chosen}
        report = {"events": events, "users": users, "producer_rate": stage.fill_rate, "engines": rows, **ratios(rows)}
        show(rows, report)
        keep(folder, report)  # an engine that did other work is told of, and the hour of measuring is not lost
        differences = largest_difference(stage, outcomes)
    keep(folder, {**report, "largest_difference": differences})
    require_agreement(differences)


def keep(folder: Path, report: dict[str, Any]) -> None:
    """Write the report."""
    (folder / "report.json").write_text(json.dumps(report, indent=2))


def measured(stage: Stage, chosen: list[str], turns: int) -> list[Outcome]:
    """Each engine once a turn: what else the machine does in some minutes meets them all."""
    outcomes = []
    for turn in range(turns):
        for name in chosen:
            outcome = ENGINES[name](stage, f"{name}-{turn}-{uuid.uuid4().hex[:6]}")
            speech.print(f"turn {turn + 1} {name}: {outcome.seconds:.1f} s, {outcome.rate:,.0f} events/s")
            outcomes.append(outcome)
    return outcomes


def summary(outcomes: list[Outcome]) -> dict[str, Any]:
    """Median and extremes of the events a second."""
    rates = [outcome.rate for outcome in outcomes]
    return {"rate": statistics.median(rates), "lowest": min(rates), "highest": max(rates), "turns": len(rates)}


def ratios(rows: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The product's median rate by that of each other engine."""
    if "product" not in rows:
        return {}
    ours = rows["product"]["rate"]
    return {key: ours / rows[name]["rate"] for name, key in RATIOS.items() if name in rows}


def show(rows: dict[str, dict[str, Any]], report: dict[str, Any]) -> None:
    """The table."""
    table = Table("engine", "events/s", "lowest", "highest", "product by it")
    for name, row in rows.items():
        ratio = report.get(RATIOS.get(name, ""))
        table.add_row(
            name,
            *(f"{row[figure]:,.0f}" for figure in ("rate", "lowest", "highest")),
            "" if ratio is None else f"{ratio:.2f}",
        )
    speech.print(table)


if __name__ == "__main__":
    run(app)
