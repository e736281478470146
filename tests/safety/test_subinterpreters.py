"""Other interpreters of a process: the package is refused there at once, before an extension module can wait for ever."""

import subprocess
import sys
import textwrap

import pytest

CODE = """
import sys
interpreters = __import__("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
run = interpreters.run_string
{before}
number = interpreters.create({options})
failure = run(number, '''
import sys
sys.path[:] = {path!r}
try:
    import {module}
except ImportError as error:
    print("refused:", error)
print([name for name in sys.modules if name.startswith("deeprob_fast")])
''')
assert failure is None, failure
"""
# With a GIL of their own, where there is a choice.
KINDS = {(3, 11): "", (3, 12): "isolated=True"}


def run(module, before="", options=None):
    options = KINDS.get(sys.version_info[:2], "'isolated'") if options is None else options
    code = textwrap.dedent(CODE).format(before=before, options=options, path=sys.path, module=module)
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", ["deeprob_fast", "deeprob_fast._kernels", "deeprob_fast._cpu", "deeprob_fast.optim"])
def test_the_package_is_refused(module):
    said = run(module)
    assert said.startswith("refused: deeprob_fast must be imported in the main interpreter of a process; got a sub-interpreter")
    assert said.endswith("\n[]\n")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="all interpreters share one GIL")
def test_the_package_is_refused_where_the_gil_is_shared():
    assert run("deeprob_fast", options="isolated=False" if sys.version_info < (3, 13) else "'legacy'").startswith("refused: ")


def test_the_main_interpreter_goes_on_working():
    before = "import numpy as np, deeprob_fast as df\nassert df.top_k(np.eye(3), 1).indices.tolist() == [[1], [0], [0]]"
    said = run("deeprob_fast._kernels", before=before)
    assert said.startswith("refused: ")
