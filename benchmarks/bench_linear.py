"""Time linear classifiers against NumPy, torch and scikit-learn: `python benchmarks/bench_linear.py --help`."""

import os
from pathlib import Path
from typing import Any

import click
import environment

SUITES = ("gradient", "epoch", "sweep", "optimum", "path", "accuracy")
HERE = Path(__file__).resolve().parent


@click.command()
@click.option(
    "--suite", "suites", type=click.Choice(SUITES), multiple=True, help="Run this suite only; may be repeated. By default all."
)
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Timed rounds after the warm-up.")
@click.option("--threads", type=click.IntRange(min=1), default=os.cpu_count(), show_default=True, help="Threads of everyone.")
@click.option(
    "--embeddings",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An .npz file with X and y, which the suites optimum and path need.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=HERE / "results",
    show_default="results/ beside this file",
    help="Directory of the report.",
)
@click.option("--docs", is_flag=True, help="Also write the summary into docs/performance.md.")
@click.option("--scale", type=click.FloatRange(0, 1, min_open=True), default=1.0, hidden=True)
def main(
    suites: tuple[str, ...], rounds: int, threads: int, embeddings: Path | None, out: Path, docs: bool, scale: float
) -> None:
    """Time linear classifiers against their peers and write a table and the raw figures."""
    state = environment.settle(threads)
    # Only now may NumPy and what needs it be imported.
    from linear_cases import CASES, Settings
    from report import case_lines, machine_lines, write_report, write_summary

    from deeprob_fast.bench.harness import measure_bandwidth, measure_peak

    chosen = [suite for suite in suites or SUITES if embeddings or suite not in ("optimum", "path")]
    if len(chosen) < len(suites):
        msg = "the suites optimum and path need --embeddings"
        raise click.UsageError(msg)
    report: dict[str, Any] = {"machine": environment.describe(threads, state), "cases": []}
    report["machine"]["peak_gflops"] = peak = measure_peak(size=4096 if scale == 1 else 512)
    report["machine"]["bandwidth"] = bandwidth = measure_bandwidth(threads, size=2**29 if scale == 1 else 2**24)
    click.echo("\n".join(machine_lines(report["machine"], "Linear classifiers")))
    settings = Settings(rounds, threads, environment.installed(), embeddings, peak, bandwidth, scale)
    for case in (case for suite in chosen for case in CASES[suite]):
        report["cases"].append(case(settings))
        click.echo("\n".join(case_lines(report["cases"][-1])))
        write_report(report, out, f"linear-{'-'.join(suites) or 'all'}", "Linear classifiers")
    if docs:
        write_summary(report, HERE.parent / "docs" / "performance.md", "linear")
    click.echo(f"written to {click.format_filename(out)}")


if __name__ == "__main__":
    main()
