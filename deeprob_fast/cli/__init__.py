"""The command line: `deeprob-fast`."""

from typing import Any

import click

from deeprob_fast.cli._errors import errors_as_messages
from deeprob_fast.cli._provenance import ARGUMENTS
from deeprob_fast.cli._signals import ending_in_order
from deeprob_fast.cli.bench import bench
from deeprob_fast.cli.cross_validate import cross_validate
from deeprob_fast.cli.data import data
from deeprob_fast.cli.demo import demo
from deeprob_fast.cli.evaluate import evaluate
from deeprob_fast.cli.figures import figures
from deeprob_fast.cli.knn import knn
from deeprob_fast.cli.probe import probe
from deeprob_fast.cli.sweep import sweep


class _Commands(click.Group):
    """Commands that end mistakes with messages and remember how they were called."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        called = list(args)
        context = super().make_context(info_name, args, parent, **extra)
        context.meta[ARGUMENTS] = called
        return context

    def invoke(self, ctx: click.Context) -> Any:
        with ending_in_order(), errors_as_messages():
            return super().invoke(ctx)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="deeprob-fast")
def main() -> None:
    """Evaluate embeddings by exact nearest neighbours and linear classifiers."""


for command in (evaluate, knn, probe, sweep, cross_validate, bench, demo, figures, data):
    main.add_command(command)
