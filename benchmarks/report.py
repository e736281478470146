"""The report of the timings: raw figures as JSON, tables as Markdown."""

import json
from pathlib import Path
from typing import Any

from deeprob_fast._atomic import replacing
from deeprob_fast.bench.summary import OURS


def write_report(report: dict[str, Any], directory: Path, name: str, what: str) -> None:
    """Write `name`.json and `name`.md, on `what` was timed, into the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory / f"{name}.json", json.dumps(report, indent=1) + "\n")
    lines = [*machine_lines(report["machine"], what), *(line for case in report["cases"] for line in case_lines(case))]
    _write(directory / f"{name}.md", "\n".join(lines) + "\n")


def write_summary(report: dict[str, Any], page: Path, mark: str) -> None:
    """Replace the summary between two marks of a Markdown page."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    _write(page, f"{before}{begin}\n\n{chr(10).join(summary_lines(report))}\n\n{end}{after}")


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all: reports are written after every case, and a long run may be interrupted at any time."""
    with replacing(path) as file:
        file.write(text.encode())


def summary_lines(report: dict[str, Any]) -> list[str]:
    """Return a line for each case: our time, each peer's, and what the filter left."""
    machine = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    threads = f"{machine['threads']} threads on {machine['cores']} cores of {machine['cpu']} ({machine['level']})"
    lines = [
        f"* {threads}; kernels {machine['deeprob_fast']['isa']}",
        f"* {versions}",
        "* seconds, medians",
        "",
        "| work | ours | peers | fastest peer / ours | remark |",
        "|---|---|---|---|---|",
    ]
    for case in report["cases"]:
        if not case["fastest_peer"]:
            continue
        seconds = {row["contestant"]: row["median"] for row in case["rows"]}
        others = ", ".join(f"{name} {median:.3g}" for name, median in seconds.items() if name != OURS)
        figures = f"{seconds[OURS]:.3g} | {others} | **{case['fastest_peer_over_ours']:.2f}**"
        lines.append(f"| {case['title']} | {figures} | {'; '.join(case['remarks'][:1])} |")
    return lines


def machine_lines(machine: dict[str, Any], what: str) -> list[str]:
    """Return the description of the machine as Markdown, under `what` was timed on it."""
    state = machine["environment"]
    lines = [
        f"# {what} on {machine['cpu']}",
        "",
        f"* {machine['cores']} cores, {machine['level']}, {machine['threads']} threads for every contestant; {machine['system']}",
        f"* deeprob_fast {machine['deeprob_fast']['version']}, kernels {machine['deeprob_fast']['isa']}",
        f"* Python {machine['python']}, " + ", ".join(f"{name} {version}" for name, version in machine["libraries"].items()),
        f"* float32 peak, the best of several large square sgemms of NumPy: {machine['peak_gflops']:.0f} GFLOP/s",
    ]
    if "bandwidth" in machine:
        lines.append(f"* memory, the best of several sums over a large array: {machine['bandwidth']:.1f} GB/s")
    lines += [f"* {name}: {kernels}" for name, kernels in machine["own_kernels"].items()]
    lines += [f"* taken out of the environment: {name}={value}" for name, value in state["removed"].items()]
    lines += [f"* OpenBLAS fell back: {file} chose {architecture}" for file, architecture in state["fell_back"].items()]
    if state["forced"]:
        lines.append(f"* so it was started again with OPENBLAS_CORETYPE={state['forced']}, the best that this OpenBLAS has")
    lines += ["", "| library | runs | threads | version | file |", "|---|---|---|---|---|"]
    keys = ("api", "architecture", "num_threads", "version", "file")
    return [*lines, *("| " + " | ".join(str(blas[key]) for key in keys) + " |" for blas in machine["blas"]), ""]


def case_lines(case: dict[str, Any]) -> list[str]:
    """Return one case as a Markdown table with its summary."""
    header = "| contestant | median s | min | max | rounds | / ours | GFLOP/s | result |"
    lines = [f"## {case['title']}", "", header, "|" + "---|" * 8]
    for row in case["rows"]:
        gflops = f"{row['gflops']:.0f}" if row["gflops"] else ""
        times = " | ".join(f"{row[key]:.3f}" for key in ("median", "min", "max"))
        ratio = f"{row['ratio_to_ours']:.2f}"
        lines.append(f"| {row['contestant']} | {times} | {len(row['seconds'])} | {ratio} | {gflops} | {row.get('note', '')} |")
    lines.append("")
    if case["fastest_peer"]:
        lines.append(f"fastest peer / ours: **{case['fastest_peer_over_ours']:.2f}** ({case['fastest_peer']})  ")
    if case["ours_over_sgemm"]:
        lines.append(f"ours / sgemm alone: **{case['ours_over_sgemm']:.2f}**  ")
    return [*lines, *(f"{line}  " for line in case["remarks"]), ""]
