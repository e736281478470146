"""`deeprob-fast probe`: a linear classifier on frozen features, under a published protocol."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import click
import numpy as np

from deeprob_fast.cli._library import df, load, require_test
from deeprob_fast.cli._options import Choice, data_options, output_options, threads_option, without_none
from deeprob_fast.cli._output import Outputs
from deeprob_fast.cli._places import Command
from deeprob_fast.cli._progress import percentage
from deeprob_fast.cli._provenance import describe, provenance
from deeprob_fast.cli._sections import PERCENT, confusion_sections, display, probe_section
from deeprob_fast.cli.report.model import Column, Figure, Result, Section, plain
from deeprob_fast.probes.protocols import PROBE_PROTOCOLS


@click.command(cls=Command)
@data_options(draws=True)
@click.option(
    "--protocol",
    type=Choice(list(PROBE_PROTOCOLS)),
    default="logistic",
    show_default=True,
    help="How it is trained, and on what it is chosen.",
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Share of the training rows on which settings are chosen.  [default: the protocol's]",
)
@threads_option
@output_options()
def probe(source: dict[str, Any], outputs: Outputs, **options: Any) -> None:
    """Train and score a linear classifier.

    A published protocol says how: the learning rates or penalties tried, how one is chosen, and for how long it is trained.

    \b
    Examples:
      deeprob-fast probe --data embeddings.npz
      deeprob-fast probe --data embeddings.npz --protocol clip --report clip.html
      deeprob-fast probe --data embeddings.npz --protocol dinov2-linear --validation 0.1 --seed 1 --json probe.json
    """  # noqa: D301  # click wants the control character
    data = require_test(load(source, outputs, draws=True))
    parts = (data.train, data.train_labels, data.test, data.test_labels)
    with percentage("linear probe", quiet=outputs.quiet) as tell:
        evaluation = df.evaluate_probe(*parts, progress=tell, **without_none(**options))
    sections = [
        probe_section(evaluation),
        *_candidate_sections(evaluation),
        *_loss_sections(evaluation),
        *confusion_sections(evaluation, data, "the linear probe"),
    ]
    size = describe(data, n_queries=len(data.test))
    used = {name: value for name, value in evaluation.settings.items() if name not in size}
    settings = {"protocol": evaluation.protocol, "source": evaluation.source, **used}
    outputs.write(
        Result(
            "probe",
            "Linear probe",
            size,
            settings,
            sections,
            provenance(options["n_threads"]),
            {"top-1": f"{evaluation.top1:.2%}"},
        )
    )


def _candidate_sections(evaluation: Any) -> list[Section]:
    """Show the settings that the protocol tried, if it had a choice."""
    tried = [_flat(candidate) for candidate in evaluation.candidates]
    if len(tried) < 2:
        return []
    names = list(dict.fromkeys(name for candidate in tried for name in candidate))
    columns = [_column(name, measured=name not in evaluation.selected) for name in names]
    rows = [[candidate.get(name) for name in names] for candidate in tried]
    chosen = [all(candidate.get(name, value) == value for name, value in evaluation.selected.items()) for candidate in tried]
    text = "The best on rows that are held out is taken."
    return [
        Section(
            "candidates",
            "Settings tried",
            text,
            columns,
            rows,
            chosen.index(True) if any(chosen) else None,
            best_on="validation rows",
        )
    ]


def _flat(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """Give each value of a list a name of its own."""
    flat: dict[str, Any] = {}
    for name, value in plain(candidate).items():
        flat.update({f"{name}_{i + 1}": one for i, one in enumerate(value)} if isinstance(value, list) else {name: value})
    return flat


def _column(name: str, *, measured: bool) -> Column:
    number = PERCENT if "accurac" in name else "g"
    return Column(name, name.replace("_", " "), number, measured)


def _loss_sections(evaluation: Any) -> list[Section]:
    """Draw the losses, where there are steps."""
    if evaluation.losses is None:
        return []
    losses = np.asarray(evaluation.losses)
    training = SimpleNamespace(loss_history=losses, val_losses=np.empty(0), diverged_at=None)
    figure = Figure(
        "Training of the chosen setting",
        f"The loss of {len(losses)} steps, from {losses[0]:.3g} to {losses[-1]:.3g}.",
        display("LossCurveDisplay", "from_training", training),
    )
    columns = [Column("steps", "steps"), Column("first", "first loss", ".4f"), Column("last", "last loss", ".4f")]
    return [Section("losses", "Training", "", columns, [(len(losses), losses[0], losses[-1])], None, [figure])]
