"""The command line: `deeprob-fast`."""

import click

from deeprob_fast.cli.data import data
from deeprob_fast.cli.evaluate import evaluate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="deeprob-fast")
def main() -> None:
    """Evaluate embeddings by exact nearest neighbours."""


main.add_command(data)
main.add_command(evaluate)
