"""Time exact nearest neighbours and pairwise distances against the peers: `python benchmarks/bench_knn.py --help`."""

import os
from pathlib import Path
from typing import Any

import click
import environment

SEARCHES = ("euclidean", "images", "embeddings", "many", "few", "boxes", "manhattan", "adversarial")
SUITES = (*SEARCHES, "pairwise", "radius", "graph", "regression")
TITLE = "k-nearest neighbours"
HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
DOCS = HERE.parent / "docs" / "performance.md"


@click.command()
@click.option(
    "--suite",
    "suites",
    type=click.Choice(SUITES),
    multiple=True,
    help="Run the cases of this suite; may be repeated. By default all.",
)
@click.option("--case", "case_name", metavar="NAME", help="Run this case only, for instance euclidean-60000x10000x784.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Timed rounds after the warm-up.")
@click.option("--threads", type=click.IntRange(min=1), default=os.cpu_count(), show_default=True, help="Threads of everyone.")
@click.option(
    "--peers",
    "chosen",
    type=click.Choice(list(environment.LIBRARIES)),
    multiple=True,
    help="Compare with this library only; may be repeated. By default with all that are installed.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    show_default="results/ beside this file",
    help="Directory of the report.",
)
@click.option(
    "--embeddings",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An .npz file whose array X is the suite embeddings.",
)
@click.option("--docs", is_flag=True, help="Also write the summary into docs/performance.md.")
@click.option("--scale", type=click.FloatRange(0, 1, min_open=True), default=1.0, hidden=True)
def main(
    suites: tuple[str, ...],
    case_name: str | None,
    rounds: int,
    threads: int,
    chosen: tuple[str, ...],
    out: Path,
    embeddings: Path | None,
    docs: bool,
    scale: float,
) -> None:
    """Time deeprob_fast against its peers and write a table and the raw figures."""
    state = environment.settle(threads)
    # Only now may NumPy and what needs it be imported.
    from cases import CASES, Settings, cases_of, run_case
    from report import case_lines, machine_lines, write_report, write_summary

    from deeprob_fast.bench.harness import measure_peak

    cases = [*CASES, *(cases_of(embeddings) if embeddings else [])]
    selected = [case for case in cases if (case.name == case_name if case_name else case.suite in (suites or SUITES))]
    if not selected:
        msg = f"--case must be one of {', '.join(case.name for case in cases)}; got {case_name!r}"
        raise click.UsageError(msg if case_name else "--suite embeddings needs --embeddings")
    missing = sorted(set(chosen) - environment.installed())
    if missing:
        msg = f"--peers asks for {', '.join(missing)}, which is not installed: see benchmarks/requirements.txt"
        raise click.UsageError(msg)
    report: dict[str, Any] = {"machine": environment.describe(threads, state), "cases": []}
    report["machine"]["peak_gflops"] = peak = measure_peak(size=4096 if scale == 1 else 512)
    click.echo("\n".join(machine_lines(report["machine"], TITLE)))
    settings = Settings(rounds, threads, chosen or environment.installed())
    for case in selected:
        result = run_case(case.scaled(scale), settings, peak)
        report["cases"].append(result)
        click.echo("\n".join(case_lines(result)))
        write_report(
            report, out, f"knn-{case_name or '-'.join(suites) or 'all'}", TITLE
        )  # after every case, lest a long run be lost
    if docs:
        write_summary(report, DOCS, "neighbours")
    click.echo(f"written to {click.format_filename(out)}")


if __name__ == "__main__":
    main()
