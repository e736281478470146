"""`deeprob-fast sweep`: linear classifiers for every setting of a grid, trained side by side."""

from typing import Any

import click
import numpy as np

from deeprob_fast._labels import numbered, places
from deeprob_fast._typing import AnyArray, Int64
from deeprob_fast.cli._library import df, load
from deeprob_fast.cli._options import NUMBERS, Choice, Listed, data_options, output_options, threads_option, without_none
from deeprob_fast.cli._output import Outputs
from deeprob_fast.cli._places import Command
from deeprob_fast.cli._progress import percentage
from deeprob_fast.cli._provenance import describe, provenance
from deeprob_fast.cli._sections import PERCENT, display
from deeprob_fast.cli.report.model import Column, Figure, Result, Section
from deeprob_fast.linear import scaling
from deeprob_fast.linear.settings import LOSSES, OPTIMIZERS

_HELD_OUT = 0.2


@click.command(cls=Command)
@data_options(draws=True)
@click.option("--learning-rate", type=NUMBERS, metavar="X,X,...", default="0.01,0.1", show_default=True, help="Learning rates.")
@click.option(
    "--reg", type=NUMBERS, metavar="X,X,...", default="0,0.0001,0.001", show_default=True, help="Strengths of the penalty."
)
@click.option("--loss", type=Listed(Choice(LOSSES)), metavar="NAME,...", help=f"Of {', '.join(LOSSES)}.  [default: softmax]")
@click.option(
    "--optimizer",
    type=Listed(Choice(list(OPTIMIZERS))),
    metavar="NAME,...",
    help=f"Of {', '.join(OPTIMIZERS)}.  [default: sgd]",
)
@click.option("--momentum", type=NUMBERS, metavar="X,X,...", help="Of sgd and rmsprop.  [default: 0]")
@click.option("--epochs", "n_epochs", type=click.IntRange(min=1), default=10, show_default=True, help="Passes over the rows.")
@click.option("--batch-size", type=click.IntRange(min=1), default=200, show_default=True, help="Rows of a step.")
@click.option("--standardize", is_flag=True, help="Give each feature mean 0 and deviation 1 on the training rows.")
@threads_option
@output_options()
def sweep(source: dict[str, Any], standardize: bool, seed: int, outputs: Outputs, **options: Any) -> None:
    """Train linear classifiers on a grid of settings.

    All combinations are trained on one stream of batches. A fifth of the training rows, drawn by --seed, is held out to
    choose the best; only that one meets the test rows.

    \b
    Examples:
      deeprob-fast sweep --standardize
      deeprob-fast sweep --data embeddings.npz --learning-rate 0.1,1,10 --reg 0,1e-5,1e-4 --momentum 0.9 --epochs 20
      deeprob-fast sweep --data embeddings.npz --loss softmax,weston_watkins --optimizer sgd,adam --report sweep.html
    """  # noqa: D301  # click wants the control character
    data = load(source, outputs, draws=True)
    classes, (numbers,) = numbered(("training labels", data.train_labels))
    order = np.random.default_rng(seed).permutation(len(data.train))
    held_out, kept = np.split(order, [int(len(order) * _HELD_OUT)])
    train, labels = data.train[kept], numbers[kept]
    plan: dict[str, Any] = {name: options[name] for name in ("n_epochs", "batch_size", "n_threads")}
    plan |= {"n_classes": len(classes), "bias": True, "penalize_bias": False}
    if standardize:
        plan["mean"], plan["std"] = scaling.moments("train", train, np.ones(len(train)))
    grid = without_none(**{name: options[name] for name in ("loss", "optimizer", "learning_rate", "reg", "momentum")})
    validation: dict[str, Any] = {"X_val": data.train[held_out], "y_val": numbers[held_out]}
    with percentage("settings", quiet=outputs.quiet) as tell:
        result = df.sweep(train, labels, {**grid, "seed": seed}, **validation, **plan, callback=tell)
    sections = [_sweep_section(result, list(grid), -(-len(train) // options["batch_size"]))]
    best = result.trainings[result.best]
    highlights = {}
    if best.diverged_at is None:
        highlights["held-out accuracy"] = f"{best.val_accuracies[best.best_epoch]:.2%}"
    has_test = len(data.test) > 0
    if has_test and best.diverged_at is None:
        # Trained again, the same bits come, and the test rows meet no other setting.
        again = {**plan, "n_epochs": best.best_epoch + 1}
        rows, truth = _known(classes, data)
        with percentage("the best setting", quiet=outputs.quiet) as tell:
            tested = df.train(train, labels, X_val=rows, y_val=truth, **result.settings[result.best], **again, callback=tell)
        accuracy = float(tested.val_accuracies[-1]) * len(rows) / len(data.test)
        sections.append(_test_section(accuracy))
        highlights["on the test rows"] = f"{accuracy:.2%}"
    size = describe(data, n_queries=len(data.test) if has_test else None)
    settings = {"n_settings": len(result.settings), "standardize": standardize, "seed": seed, "n_held_out": len(held_out)}
    settings |= {name: options[name] for name in ("n_epochs", "batch_size")}
    outputs.write(
        Result("sweep", "Sweep of linear classifiers", size, settings, sections, provenance(options["n_threads"]), highlights)
    )


def _known(classes: AnyArray, data: Any) -> tuple[AnyArray, Int64]:
    """Return the test rows whose labels occur in training, and their numbers."""
    numbers = places("test labels", data.test_labels, classes)
    is_known = numbers >= 0
    if not is_known.any():
        msg = f"{data.name} must have test labels that occur among the training labels; it has none"
        raise ValueError(msg)
    return data.test[is_known], numbers[is_known]


def _sweep_section(result: Any, names: list[str], n_steps: int) -> Section:
    columns = [Column(name, name.replace("_", " "), "g", measured=False) for name in names]
    columns += [
        Column("train_loss", "training loss", ".4f"),
        Column("val_loss", "held-out loss", ".4f"),
        Column("val_accuracy", "held-out accuracy", PERCENT),
        Column("best_epoch", "epoch"),
        Column("diverged_at", "diverged at step"),
    ]
    rows = []
    for setting, training in zip(result.settings, result.trainings, strict=True):
        scores: list[Any] = [None, None, None, None, training.diverged_at]
        if training.diverged_at is None:
            epoch = training.best_epoch
            last = training.loss_history[-n_steps:].mean()
            scores[:4] = [last, training.val_losses[epoch], training.val_accuracies[epoch], epoch + 1]
        rows.append([*(setting[name] for name in names), *scores])
    if all(row[-1] is None for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    best = result.trainings[result.best]
    figures = [
        Figure(
            "Held-out accuracy of each setting",
            f"One mark for each of {len(rows)} settings; the best is number {result.best + 1}.",
            display("SweepDisplay", "from_sweep", result),
            (5.2, 1.6 + 0.5 * len({setting["reg"] for setting in result.settings})),
        ),
        Figure(
            "Training of the best setting",
            f"The loss of {len(best.loss_history)} steps, from {best.loss_history[0]:.3g} to {best.loss_history[-1]:.3g}.",
            display("LossCurveDisplay", "from_training", best),
        ),
    ]
    text = "Training loss: mean of the last epoch. Held out: after the epoch with the smallest held-out loss."
    return Section("sweep", "Settings", text, columns, rows, result.best, figures, best_on="held-out rows")


def _test_section(accuracy: float) -> Section:
    text = "The best setting, trained to its best epoch."
    return Section("test", "On the test rows", text, [Column("top1", "top-1", PERCENT)], [[accuracy]])
