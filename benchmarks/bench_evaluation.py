"""Time cross-validation and the command line against scikit-learn: `python benchmarks/bench_evaluation.py --help`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import environment

SUITES = ("grid", "one-pass", "command")
TITLE = "evaluation"
HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
DOCS = HERE.parent / "docs" / "performance.md"
K_CHOICES = [1, 3, 5, 8, 10, 12, 15, 20, 50, 100]


def grid_case(rounds: int, n_threads: int, scale: float) -> dict[str, Any]:
    """Cross-validate ten values of k on 5000 images, as the courses do."""
    import numpy as np
    from sklearn.model_selection import GridSearchCV, KFold
    from sklearn.neighbors import KNeighborsClassifier

    import deeprob_fast as df
    from deeprob_fast.bench.harness import Contestant, time_interleaved
    from deeprob_fast.bench.summary import OURS, summarise

    data = df.datasets.load_fashion_mnist()
    n = max(1000, round(5000 * scale))
    X, y = data.train[:n], data.train_labels[:n]  # bytes, as they are loaded

    def theirs() -> Any:
        model = KNeighborsClassifier(n_jobs=n_threads)
        return GridSearchCV(model, {"n_neighbors": K_CHOICES}, cv=KFold(5), refit=False).fit(X, y).cv_results_

    contestants = [
        Contestant(OURS, lambda: df.knn_cross_validate(X, y, 5, K_CHOICES, n_threads=n_threads)),
        Contestant("scikit-learn GridSearchCV", theirs),
    ]
    found: list[Any] = []
    facts: dict[str, dict[str, Any]] = {}

    def inspect(name: str, result: Any) -> None:
        if name == OURS:
            found.append(result)
            return
        shares = np.array([result[f"split{i}_test_score"] for i in range(5)]).T
        ours = np.array([found[0].accuracies[k] for k in K_CHOICES])
        equal = float(np.mean(np.isclose(shares, ours, atol=1e-12)))
        if not np.allclose(shares, ours, atol=5e-3):
            msg = f"accuracies differ by up to {np.abs(shares - ours).max()}"
            raise AssertionError(msg)
        facts[name] = {"note": f"{equal:.0%} of the accuracies equal, all within {np.abs(shares - ours).max():.4f}"}

    timings = time_interleaved(contestants, rounds, inspect, "grid")
    title = f"k cross-validated: {n} images x 784, 10 values of k, 5 folds"
    return {"name": "grid", "title": title, **summarise(timings, facts, None), "remarks": [facts[contestants[1].name]["note"]]}


def one_pass_case(rounds: int, n_threads: int, scale: float) -> dict[str, Any]:
    """Cross-validate against a single search of all rows among all."""
    import deeprob_fast as df
    from deeprob_fast.bench.harness import Contestant, time_interleaved
    from deeprob_fast.bench.summary import OURS, summarise

    data = df.datasets.load_fashion_mnist()
    n = max(1000, round(60000 * scale))
    X, y = data.train[:n], data.train_labels[:n]
    contestants = [
        Contestant(OURS, lambda: df.knn_cross_validate(X, y, 5, K_CHOICES, n_threads=n_threads)),
        Contestant("one search of all", lambda: df.nearest_neighbors(X, X, max(K_CHOICES), n_threads=n_threads)),
    ]
    timings = time_interleaved(contestants, rounds, lambda *_: None, "one pass")
    summary = summarise(timings, {}, None)
    remarks = [f"cross-validation takes {1 / summary['fastest_peer_over_ours']:.2f} times one search"]
    return {"name": "one-pass", "title": f"k cross-validated: {n} images x 784, 5 folds", **summary, "remarks": remarks}


WITH_SCIKIT_LEARN = """
import sys
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
data = np.load(sys.argv[1])
X, y = data["X"].astype(np.float32), data["y"]
n = len(X) - len(X) // 5
for k in (1, 3, 5, 10, 20):
    model = KNeighborsClassifier(k, algorithm="brute", n_jobs=-1).fit(X[:n], y[:n])
    print(k, model.score(X[n:], y[n:]))
print("probe", LogisticRegression(max_iter=1000).fit(X[:n], y[:n]).score(X[n:], y[n:]))
"""


def command_case(embeddings: Path, rounds: int) -> dict[str, Any]:
    """Run the command and a script with scikit-learn as processes, in turn."""
    from deeprob_fast.bench.harness import Contestant, time_interleaved
    from deeprob_fast.bench.summary import OURS, summarise

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from deeprob_fast.cli import main; main()", "evaluate", "--data", str(embeddings)]
        command += ["--report", f"{folder}/report.html"]

        def run(arguments: list[str]) -> str:
            return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout

        contestants = [
            Contestant(OURS, lambda: run(command)),
            Contestant("scikit-learn", lambda: run([sys.executable, "-c", WITH_SCIKIT_LEARN, str(embeddings)])),
        ]
        outputs: dict[str, str] = {}
        timings = time_interleaved(contestants, rounds, outputs.__setitem__, "command")
    for name, text in outputs.items():
        click.echo(f"{name}:\n{text}")
    title = f"k-NN for five k and a linear probe, whole processes: {embeddings.stem}"
    return {"name": "command", "title": title, **summarise(timings, {}, None), "remarks": ["a page with figures included"]}


@click.command()
@click.option("--suite", "suites", type=click.Choice(SUITES), multiple=True, help="May be repeated. By default all.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Timed rounds after the warm-up.")
@click.option("--threads", type=click.IntRange(min=1), default=os.cpu_count(), show_default=True, help="Threads of everyone.")
@click.option(
    "--embeddings",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An .npz file with arrays X and y, for the suite command.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=RESULTS, help="Directory of the report.")
@click.option("--docs", is_flag=True, help="Also write the summary into docs/performance.md.")
@click.option("--scale", type=click.FloatRange(0, 1, min_open=True), default=1.0, hidden=True)
def main(
    suites: tuple[str, ...], rounds: int, threads: int, embeddings: Path | None, out: Path, docs: bool, scale: float
) -> None:
    """Time evaluations against scikit-learn and write a table and the raw figures."""
    state = environment.settle(threads)
    from report import case_lines, machine_lines, write_report, write_summary

    from deeprob_fast.bench.harness import measure_peak

    report: dict[str, Any] = {"machine": environment.describe(threads, state), "cases": []}
    report["machine"]["peak_gflops"] = measure_peak(size=4096 if scale == 1 else 512)
    click.echo("\n".join(machine_lines(report["machine"], TITLE)))
    for suite in suites or SUITES:
        if suite == "command":
            if embeddings is None:
                msg = "--suite command needs --embeddings"
                raise click.UsageError(msg)
            result = command_case(embeddings, rounds)
        else:
            result = (grid_case if suite == "grid" else one_pass_case)(rounds, threads, scale)
        report["cases"].append(result)
        click.echo("\n".join(case_lines(result)))
        write_report(report, out, f"evaluation-{'-'.join(suites) or 'all'}", TITLE)
    if docs:
        write_summary(report, DOCS, "evaluation")
    click.echo(f"written to {click.format_filename(out)}")


if __name__ == "__main__":
    main()
