#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.11.12"]
# ///
"""The chores of the project: ``nox -l`` lists them, ``nox -s tests`` does one, plain ``nox`` does the quick ones."""

import os
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.11.12"
nox.options.default_venv_backend = "uv|virtualenv"

PROJECT = nox.project.load_toml("pyproject.toml")
BUILD_TOOLS = [*PROJECT["build-system"]["requires"], "cmake", "ninja"]
EXTRAS = PROJECT["project"]["optional-dependencies"].values()
# Extras that name others of this project would have it fetched: all are taken one by one.
TEST_TOOLS = sorted({need for extra in EXTRAS for need in extra if not need.startswith("deeprob-fast")})
SOURCES = Path("src/cpp")
PLANTED = "PlantedBadName"
GENERATED = (Path("docs", "api", "generated"), Path("docs", "examples"))


# What a change of the engines is likely to break. Left out: hostile callers, data sets, the courses, commands, pictures, pages.
QUICK = [f"tests/{noun}" for noun in ("knn", "linear", "optim", "probes", "gradients", "saving", "scoring")]
QUICK += [f"tests/test_{noun}.py" for noun in ("house", "isa", "kernels", "labels", "tables", "validation")]
COURSES = ["tests/compat", "tests/datasets/test_files_as_meant.py", "tests/test_tables.py"]


def group(name: str) -> list[str]:
    """Return the requirements of a dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


def own_level() -> str:
    """Return the fastest instruction-set level of this machine: the one whose kernels most people run."""
    facts = Path("/proc/cpuinfo")
    flags = set(facts.read_text(encoding="ascii").split()) if facts.exists() else set()
    needs = {"x86-64-v4-vnni": "avx512_vnni", "x86-64-v4": "avx512vl", "x86-64-v3": "avx2"}
    return next((level for level, flag in needs.items() if flag in flags), "baseline")


def only(level: str) -> str:
    """Return the argument that has one instruction-set level built."""
    return f"-Ccmake.define.DEEPROB_LEVELS={level}"


@nox.session(reuse_venv=True)
def lint(session: nox.Session) -> None:
    """Check form, types, spelling, workflows and the layout of the repository, and mend what can be mended: all hooks."""
    # Types need the packages that are imported, not the compiled modules: the stubs stand for those.
    session.install(*PROJECT["project"]["dependencies"], *TEST_TOOLS, *group("lint"))
    session.run("pre-commit", "run", "--all-files", "--show-diff-on-failure", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests on the package as users install it; arguments go to pytest."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


# Of pip, which builds a folder anew each time: uv would take what it built before.
@nox.session(default=False, venv_backend="virtualenv", reuse_venv=True)
def quick(session: nox.Session) -> None:
    """Run lint, and the tests of the engines on the fastest level of this machine, after compiling what changed."""
    session.notify("lint", posargs=[])
    session.install(*BUILD_TOOLS, *group("parallel"))
    session.install("--no-build-isolation", ".[test]", only(own_level()), "-Cbuild-dir=build/quick")
    session.run("pytest", "-q", "-n", "2", *(session.posargs or QUICK))


@nox.session(default=False)
def torch(session: nox.Session) -> None:
    """Run the tests of the courses' names, files and tables with PyTorch's tensors."""
    session.install(".[test]", *group("parallel"), *group("torch"))
    session.run("python", "-c", "import torch")
    session.run("pytest", "-q", "-n", "2", *(session.posargs or COURSES))


@nox.session(default=False)
def seams(session: nox.Session) -> None:
    """Run the tests of the libraries that take our neighbours."""
    session.install(".[test]", *group("seams"))
    session.run("pytest", "-q", *(session.posargs or ["tests/knn/test_seams.py"]))


@nox.session(default=False)
def editable(session: nox.Session) -> None:
    """Install the package as those who work on it do, and run some tests as they may: by `python -m pytest`, too."""
    # One level is enough to see that it works.
    session.install("-e", ".[test]", only("baseline"), "-Cbuild-dir=build/editable")
    session.run("python", "-m", "pytest", "-q", "tests/test_isa.py", "tests/test_kernels.py")
    session.run("pytest", "-q", "tests/test_isa.py")


@nox.session
def stubs(session: nox.Session) -> None:
    """Compare the stubs with the compiled modules of every instruction-set level of this machine."""
    session.install(".", *group("types"))
    # Away from the root, where Python would find the package without its compiled modules.
    session.chdir(session.create_tmp())
    listing = "from deeprob_fast import _cpu; print(*_cpu.runnable())"
    for level in str(session.run("python", "-c", listing, silent=True)).split():
        modules = ["deeprob_fast._cpu", "deeprob_fast._kernels"]
        session.run("python", "-m", "mypy.stubtest", *modules, env={"DEEPROB_FAST_ISA": level})


@nox.session(default=False)
def tidy(session: nox.Session) -> None:
    """Run clang-tidy on each file at the fastest level of this machine, and on the files in groups at every level.

    Clang's analyzer, by far the slowest check, looks into no group; all others find there what levels differ in.
    ``-- --self-test`` proves instead that a bad name in a header is seen.
    """
    session.install(*BUILD_TOOLS, *group("tidy"))
    scratch = Path(session.create_tmp()).resolve()
    files = tidy_options(session, scratch, "files", "-DCMAKE_UNITY_BUILD=OFF", f"-DDEEPROB_LEVELS={own_level()}")
    if "--self-test" in session.posargs:
        plant_bad_name(session, scratch / SOURCES, files)
        return
    for options in (files, tidy_options(session, scratch, "groups")):
        # By default every file of the build, one a processor at a time.
        session.run("run-clang-tidy.py", "-j", str(os.cpu_count()), *options, *session.posargs)


def tidy_options(session: nox.Session, scratch: Path, kind: str, *definitions: str) -> list[str]:
    """Configure a build, and return the options by which clang-tidy knows how its files are compiled."""
    pybind11 = str(session.run("python", "-m", "pybind11", "--cmakedir", silent=True)).strip()
    python = shutil.which("python", path=session.bin)
    build = str(scratch / kind)
    found = [f"-Dpybind11_DIR={pybind11}", f"-DPython_EXECUTABLE={python}"]
    session.run("cmake", "-S", ".", "-B", build, "-G", "Ninja", *found, *definitions, silent=True)
    return ["-quiet", "-config-file=.clang-tidy", "-p", build, f"-extra-arg=-isystem{openmp_folder(session, scratch)}"]


def openmp_folder(session: nox.Session, scratch: Path) -> Path:
    """Copy the compiler's omp.h, which clang-tidy lacks; the intrinsics that lie beside it would hide clang-tidy's own."""
    compiler = os.environ.get("CXX", "c++")
    header = str(session.run(compiler, "-print-file-name=include/omp.h", external=True, silent=True)).strip()
    folder = scratch / "openmp"
    folder.mkdir(exist_ok=True)
    shutil.copy(header, folder)
    return folder


def plant_bad_name(session: nox.Session, copy: Path, options: list[str]) -> None:
    """Fail unless clang-tidy finds the one function that does not follow the rule of names."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(SOURCES, copy)
    with (copy / "core" / "matrix.hpp").open("a", encoding="utf-8") as header:
        header.write(f"inline void {PLANTED}() {{}}\n")
    command = ["clang-tidy", *options, f"-extra-arg-before=-I{copy}", str(copy / "module.cpp")]
    report = str(session.run(*command, success_codes=[1], silent=True))
    if f"'{PLANTED}' [readability-identifier-naming,-warnings-as-errors]" not in report:
        session.error(f"clang-tidy did not see the planted name:\n{report}")


def clang_path(session: nox.Session, file: str = "") -> str:
    """Return the path of clang, whose sanitizers see what GCC's do not, or of a file that it brings."""
    compiler = os.environ.get("CXX") or shutil.which("clang++-19") or shutil.which("clang++")
    if compiler is None or "clang" not in Path(compiler).name:
        session.error(
            "this needs clang 19 with its run-time libraries and OpenMP (Debian: clang-19 libclang-rt-19-dev libomp-19-dev)"
        )
    if not file:
        return compiler
    return str(session.run(compiler, f"-print-file-name={file}", external=True, silent=True)).strip()


def option(arguments: list[str], name: str, default: str) -> str:
    """Take ``name value`` out of the arguments."""
    if name not in arguments:
        return default
    at = arguments.index(name)
    value = arguments[at + 1]
    del arguments[at : at + 2]
    return value


def checked_build(session: nox.Session, kind: str, sanitizers: str, environment: dict[str, str], level: str = "") -> list[str]:
    """Install the package built by clang with sanitizers, and return the arguments that are left.

    ``--level`` names an instruction-set level, or ``all``. With ``--self-test`` the sanitizers have to see planted faults
    instead, and nothing is left to do.
    """
    arguments = list(session.posargs)
    level = option(arguments, "--level", level or own_level())
    definitions = {"DEEPROB_SANITIZE": sanitizers, "DEEPROB_LEVELS": level, "DEEPROB_WERROR": "ON"}
    planted = [sys.executable, "tests/safety/planted.py"]
    sources = Path.cwd()
    if "--self-test" in arguments:
        sources = Path(session.create_tmp()).resolve() / kind
        shutil.rmtree(sources, ignore_errors=True)
        shutil.copytree(".", sources, ignore=shutil.ignore_patterns(".*", "build", "docs", "benchmarks"))
        session.run(*planted, str(sources / SOURCES), kind, external=True)
        definitions["DEEPROB_WERROR"] = "OFF"  # a compiler may see them, too
    settings = [f"-Ccmake.define.{name}={value}" for name, value in definitions.items()]
    build = f"-Cbuild-dir={sources / 'build' / kind}"
    session.install(*group("parallel"), f"{sources}[test]", build, *settings, env={"CXX": clang_path(session)})
    if "--self-test" not in arguments:
        return arguments
    session.run("python", "tests/safety/planted.py", kind, env=environment)
    return ["--self-test"]


def checked_tests(session: nox.Session, arguments: list[str], environment: dict[str, str], marks: str) -> None:
    """Run the tests in two processes; what needs the processor for itself is marked."""
    session.run("pytest", "-q", "-n", "2", "--capture=sys", "-m", marks, *arguments, env=environment)


@nox.session(default=False)
def sanitize(session: nox.Session) -> None:
    """Run the tests with the address and undefined-behaviour sanitizers and live assertions; arguments go to pytest.

    ``-- --level x86-64-v3`` (or ``all``) instead of the fastest level of this machine; ``-- --self-test`` for planted faults.
    """
    # The sanitizer must come before all else, and with it the C++ library whose exceptions it intercepts.
    environment = {
        "LD_PRELOAD": f"{clang_path(session, 'libclang_rt.asan-x86_64.so')} {clang_path(session, 'libstdc++.so.6')}",
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=1:halt_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }
    arguments = checked_build(session, "address", "address,undefined", environment)
    if arguments != ["--self-test"]:
        checked_tests(session, arguments, environment, "not slow and not unsanitized")


@nox.session(default=False)
def race(session: nox.Session) -> None:
    """Look for data races: every parallel kernel, alone and from eight Python threads, under the thread sanitizer.

    An argument is the number of calls from threads. ``-- --level`` and ``-- --self-test`` as for `sanitize`.
    """
    environment = {
        "LD_PRELOAD": clang_path(session, "libclang_rt.tsan-x86_64.so"),
        # It tells the sanitizer what OpenMP's barriers order.
        "OMP_TOOL_LIBRARIES": str(Path(clang_path(session, "libomp.so")).resolve().parent / "libarcher.so"),
        "TSAN_OPTIONS": "ignore_noninstrumented_modules=1:exitcode=66",
        "PYTHONPATH": str(Path.cwd() / "build" / "race"),
    }
    arguments = checked_build(session, "thread", "thread", environment)
    if arguments != ["--self-test"]:
        # Only the tests: beside the package's sources the compiled modules would not be found.
        folder = Path("build", "race")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree("tests", folder / "tests")
        # The sanitizer knows no addresses that change from run to run.
        command = ["setarch", "-R", "python", "-P", "-m", "tests.safety.race", *(arguments or ["1500"])]
        session.run(*command, env=environment, external=True)


@nox.session(default=False)
def clang(session: nox.Session) -> None:
    """Run all tests on kernels that clang optimizes: what GCC makes of undefined behaviour is one possibility of many."""
    # One level is enough to see what is planted.
    arguments = checked_build(session, "optimized", "", {}, "" if "--self-test" in session.posargs else "all")
    if arguments != ["--self-test"]:
        checked_tests(session, arguments, {}, "not slow")


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation, examples run, every warning an error, and check the links of its pages."""
    # The examples run on the fastest level; building the others would take minutes.
    session.install(".", only(own_level()), *group("docs"))
    pages = Path("build", "docs")
    # Anew each time: pages that are left over would hide links to what is gone.
    for folder in (pages, *GENERATED):
        shutil.rmtree(folder, ignore_errors=True)
    session.run("sphinx-build", "-W", "--keep-going", *session.posargs, "docs", str(pages))
    session.run("python", "docs/check_links.py", str(pages))


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Run a benchmark against its peers: ``nox -s bench -- knn`` and the benchmark's own arguments."""
    session.install(".", "-r", "benchmarks/requirements.txt")
    noun, *arguments = session.posargs or ["knn"]
    session.run("python", f"benchmarks/bench_{noun}.py", *arguments)


if __name__ == "__main__":
    nox.main()
