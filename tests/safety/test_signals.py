"""SIGINT, SIGTERM and SIGHUP end every command that writes files quickly, with its code, one word and nothing half-written."""

import contextlib
import os
import random
import threading
import time

import numpy as np
import pytest
from click.testing import CliRunner

from deeprob_fast.cli import main
from tests.safety.children import ENDINGS, end, names, run, started, wait_for
from tests.safety.commands import Output, call, leaves, places

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

WRITING = {" ".join(words): (words, command) for words, command in leaves() if places(command, Output)}
CODES = {"INT": (130, "interrupted"), "TERM": (143, "terminated"), "HUP": (129, "hung up")}
N_MOMENTS = int(os.environ.get("DEEPROB_FAST_MOMENTS", "8"))  # of each signal and command
LONGEST = 5  # seconds, on a busy machine; alone it takes 0.3


def begun(words):
    """Return code that runs a command and says when its work begins."""
    return f"""
    import time
    from deeprob_fast.cli import main
    from deeprob_fast.datasets._formats._stored import Stored
    command = main
    for word in {list(words)!r}:
        command = command.commands[word]
    work, blocks = command.callback, Stored.blocks
    def tell(**values):
        print("ready", flush=True)
        return work(**values)
    def slow(self):
        for block in blocks(self):
            yield block
            time.sleep(2)
    command.callback, Stored.blocks = tell, slow
    main(sys.argv[1:])
    """


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "big.npz"
    rng = np.random.default_rng(0)
    np.savez(path, X=rng.standard_normal((60_000, 128), dtype=np.float32), y=np.arange(60_000) % 100)
    return path


def arguments_of(name, data, folder):
    words, command = WRITING[name]
    values = {parameter.name: folder / f"{parameter.name}.npy" for parameter in places(command, Output)}
    return call(words, command, folder, data=data, source=data, key="X" if name == "data convert" else None, **values)


def ended_well(found, name, folder):
    code, seconds, errors = found
    expected, word = CODES[name]
    assert (code, errors.rstrip().splitlines()[-1]) == (expected, word), errors
    assert "Traceback" not in errors
    assert seconds < LONGEST
    assert not [path for path in folder.rglob("*") if path.suffix == ".partial"]


@pytest.mark.parametrize("command", WRITING)
def test_every_command(tmp_path, data, command):
    words, _ = WRITING[command]
    with contextlib.ExitStack() as stack:
        processes = {}
        for name in CODES:
            folder = tmp_path / name
            folder.mkdir()
            code = stack.enter_context(started(begun(words), *arguments_of(command, data, folder), folder=folder))
            processes[name] = code
        for process in processes.values():
            wait_for(process)
        time.sleep(0.2)
        for name, process in processes.items():
            assert process.poll() is None, process.stderr.read()
            ended_well(end(process, name), name, tmp_path / name)
            assert [file for file in names(tmp_path / name) if (tmp_path / name / file).is_file()] == []


@pytest.mark.slow
@pytest.mark.parametrize("command", WRITING)
def test_every_command_at_any_moment(tmp_path, data, command):
    """From the first import to the writing of the outputs, which are whole or not there."""
    words, _ = WRITING[command]
    drawn = random.Random(f"{command} 0")
    n_ended = 0
    for name in CODES:
        for number in range(N_MOMENTS):
            folder = tmp_path / f"{name}-{number}"
            folder.mkdir()
            with started(begun(words), *arguments_of(command, data, folder), folder=folder) as process:
                wait_for(process)
                moment = drawn.uniform(0, 4)
                time.sleep(moment)
                if process.poll() is None:
                    n_ended += 1
                    ended_well(end(process, name), name, folder)
                else:
                    assert process.returncode == 0, (command, name, moment, process.stderr.read())
    assert n_ended > 0


SLEEP = """
import time, deeprob_fast as df
from deeprob_fast.cli import main
def load(data):
    try:
        print("ready", flush=True)
        while True:  # a signal that comes right before a sleep does not shorten it
            time.sleep(0.05)
    finally:
        print("tidying up", flush=True)
        sys.stdin.readline()
df.datasets.load = load
"""


def test_a_terminal_hangs_up_twice(tmp_path):
    with started(SLEEP + "main(['knn'])", folder=tmp_path) as process:
        wait_for(process)
        process.send_signal(ENDINGS["HUP"])
        wait_for(process, "tidying up")
        process.send_signal(ENDINGS["HUP"])
        time.sleep(0.2)
        assert process.poll() is None
        _, errors = process.communicate("\n", timeout=LONGEST)
    assert (process.returncode, errors.strip()) == (129, "hung up")


def test_who_terminates_twice_does_not_wait(tmp_path):
    with started(SLEEP + "main(['knn'])", folder=tmp_path) as process:
        wait_for(process)
        process.send_signal(ENDINGS["TERM"])
        wait_for(process, "tidying up")
        assert end(process, "TERM")[0] == -ENDINGS["TERM"]


@pytest.mark.parametrize("signal_name", ["HUP", "INT"])
def test_what_is_ignored_stays_ignored(tmp_path, signal_name):
    """As nohup and the shell's background want it."""
    code = f"signal.signal(signal.SIG{signal_name}, signal.SIG_IGN)\n" + SLEEP + "main(['knn'])"
    with started(code, folder=tmp_path) as process:
        wait_for(process)
        process.send_signal(ENDINGS[signal_name])
        time.sleep(0.3)
        assert process.poll() is None
        process.stdin.close()
        process.stdin = None
        assert end(process, "TERM")[0] == 143


def test_whoever_called_gets_the_handlers_back(tmp_path):
    """In a program of one's own: handlers that it has stay in force, and none of ours remains."""
    code = """
    from click.testing import CliRunner
    from deeprob_fast.cli import main
    for before in (signal.SIG_DFL, signal.SIG_IGN, print):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, before)
        assert CliRunner().invoke(main, ["data", "list"]).exit_code == 0
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == [before] * 2
    """
    run(code, folder=tmp_path)


def test_in_another_thread(tmp_path):
    """Only the main one may set handlers."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(CliRunner().invoke(main, ["data", "list"]).exit_code))
    thread.start()
    thread.join()
    assert codes == [0]


def test_ctrl_c_while_the_command_line_is_imported(tmp_path):
    code = """
    import importlib.abc
    from deeprob_fast import __main__
    class Interrupt(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name == "deeprob_fast.cli":
                raise KeyboardInterrupt
    sys.meta_path.insert(0, Interrupt())
    __main__.run()
    """
    with started(code, folder=tmp_path) as process:
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
