#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.11.12"]
# ///
"""The chores of the project: ``nox -l`` lists them, ``nox -s tests`` does one, plain ``nox`` does the quick ones."""

import os
import shutil
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


@nox.session
def lint(session: nox.Session) -> None:
    """Check form, types, spelling, workflows and the layout of the repository."""
    # Types need the packages that are imported, not the compiled modules: the stubs stand for those.
    session.install(*PROJECT["project"]["dependencies"], *TEST_TOOLS, "nox", *nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    session.run("clang-format", "--dry-run", "--Werror", *sorted(map(str, SOURCES.rglob("*.?pp"))))
    session.run("mypy")
    session.run("codespell")
    session.run("rumdl", "check", "--no-cache", ".")
    session.run("zizmor", "--offline", ".github")
    session.run("repo-review", ".")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests on the package as users install it; arguments go to pytest."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def stubs(session: nox.Session) -> None:
    """Compare the stubs with the compiled modules of every instruction-set level of this machine."""
    session.install(".", "mypy")
    # Away from the root, where Python would find the package without its compiled modules.
    session.chdir(session.create_tmp())
    listing = "from deeprob_fast import _cpu; print(*_cpu.runnable())"
    for level in str(session.run("python", "-c", listing, silent=True)).split():
        modules = ["deeprob_fast._cpu", "deeprob_fast._kernels"]
        session.run("python", "-m", "mypy.stubtest", *modules, env={"DEEPROB_FAST_ISA": level})


@nox.session(default=False)
def tidy(session: nox.Session) -> None:
    """Run clang-tidy at every instruction-set level; ``-- --self-test`` proves instead that it sees a bad name in a header."""
    session.install(*BUILD_TOOLS, *nox.project.dependency_groups(PROJECT, "tidy"))
    scratch = Path(session.create_tmp()).resolve()
    pybind11 = str(session.run("python", "-m", "pybind11", "--cmakedir", silent=True)).strip()
    python = shutil.which("python", path=session.bin)
    definitions = [f"-Dpybind11_DIR={pybind11}", f"-DPython_EXECUTABLE={python}"]
    session.run("cmake", "-S", ".", "-B", str(scratch / "build"), "-G", "Ninja", *definitions, silent=True)
    options = ["-quiet", "-config-file=.clang-tidy", "-p", str(scratch / "build")]
    options.append(f"-extra-arg=-isystem{openmp_folder(session, scratch)}")
    if "--self-test" in session.posargs:
        plant_bad_name(session, scratch / SOURCES, options)
    else:
        # By default every file of the build, one a processor at a time.
        session.run("run-clang-tidy.py", "-j", str(os.cpu_count()), *options, *session.posargs)


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


@nox.session(default=False)
def sanitize(session: nox.Session) -> None:
    """Run the tests with the address and undefined-behaviour sanitizers and live assertions; arguments go to pytest."""
    settings = ["-Ccmake.define.DEEPROB_SANITIZE=ON", "-Ccmake.build-type=Debug", "-Cbuild-dir=build/sanitize"]
    session.install(*settings, ".[test]")
    compiler = os.environ.get("CXX", "c++")
    # The sanitizer must come before all else, and with it the C++ library whose exceptions it intercepts.
    libraries = [
        str(session.run(compiler, f"-print-file-name={name}", external=True, silent=True)).strip()
        for name in ("libasan.so", "libstdc++.so")
    ]
    environment = {
        "LD_PRELOAD": " ".join(libraries),
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }
    session.run("pytest", "-x", *session.posargs, env=environment)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation, examples run, every warning an error, and check the links of its pages."""
    session.install(".", *nox.project.dependency_groups(PROJECT, "docs"))
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
