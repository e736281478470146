"""The house's own laws, as far as a machine can check them."""

import ast
import inspect
import json
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import deeprob_fast as df
from deeprob_fast import _kernels
from deeprob_fast.knn.metrics import METRICS
from deeprob_fast.linear import classifiers, settings
from tests import reference
from tests.public_names import RECORDED, public_names

ROOT = Path(__file__).parent.parent
CPP = ROOT / "src" / "cpp"
PACKAGE = ROOT / "deeprob_fast"

pytestmark = pytest.mark.skipif(not CPP.is_dir(), reason="needs the source tree")

CPP_FILES = sorted(CPP.rglob("*.?pp"))
STATIC_FILES = sorted((PACKAGE / "demo" / "static").iterdir())
PYTHON_FILES = sorted(path for folder in ("deeprob_fast", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py*"))


def text(path):
    return path.read_text(encoding="utf-8")


def named(paths):
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def code(path):
    """C++ without its comments."""
    return re.sub(r"//.*", "", text(path))


def includes(path):
    return re.findall(r'#\s*include ["<]([^">]+)[">]', text(path))


@pytest.mark.parametrize(
    "path", named([p for p in CPP_FILES + PYTHON_FILES if p.suffix in (".py", ".pyi", ".cpp", ".hpp")] + STATIC_FILES)
)
def test_a_file_fits_in_the_head(path):
    assert len(text(path).splitlines()) <= 400


def test_most_files_are_short():
    lengths = [len(text(path).splitlines()) for path in [*PACKAGE.rglob("*.py"), *CPP_FILES] if path.name != "__init__.py"]
    assert statistics.median(lengths) <= 110


@pytest.mark.parametrize("path", named(CPP_FILES))
def test_one_home_for_each_word(path):
    place = path.relative_to(CPP).as_posix()
    homes = {
        r"omp\.h|#\s*pragma omp|\bomp_\w+\(": {"core/parallel.hpp"},
        r"immintrin|arm_neon|\b_mm\d*_\w+|__AVX\w+|__SSE\w+|vector_size": {"core/simd.hpp"},
        r"pybind11": {"module.cpp", "cpu.cpp", "bind.hpp", *(p.name for p in CPP.glob("bind_*.cpp"))},
        r"fast-math|omp_set_num_threads": set(),
    }
    for words, allowed in homes.items():
        if place not in allowed:
            assert not re.search(words, code(path)), f"{words} has its home in {sorted(allowed)}"


@pytest.mark.parametrize("path", named(CPP_FILES))
def test_who_may_know_whom(path):
    folder = path.relative_to(CPP).parts[0]
    own = [name for name in includes(path) if (CPP / name).is_file()]
    if folder == "core":
        assert all(name.startswith("core/") for name in own)
    elif folder in ("knn", "optim"):
        assert all(name.startswith(("core/", f"{folder}/")) for name in own)
    elif folder == "linear":
        assert all(name.startswith(("core/", "optim/", "linear/")) for name in own)


# The floors of the package, from the ground up: a module knows those of its own package and of the floors below. What stands
# on one floor does not know each other. The last floors are upstairs: the commands, the comparison, the lecture, the courses.
FLOORS = (
    ("_cpu", "_docstrings", "_typing", "_optional"),
    ("_kernels", "_scalars"),
    ("_memory", "_atomic", "_labels", "_tables", "_threads"),
    ("_validation",),
    ("_estimators", "_files", "scoring"),
    ("optim",),
    ("knn", "linear"),
    ("probes", "gradients", "datasets", "saving"),
    ("bench", "compat", "plots", "landscapes"),
    ("figures", "demo"),
    ("cli",),
    ("__main__",),
)
FLOOR_OF = {noun: number for number, nouns in enumerate(FLOORS) for noun in nouns}


def imported_nouns(path):
    """The first part below the package of each module that a module imports."""
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "relative import"
            name, *rest = str(node.module).split(".")
            if name == "deeprob_fast":
                yield from rest[:1] or (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("deeprob_fast."))


def climbs(path, noun):
    """The nouns that a module of this noun must not know, but imports."""
    return [other for other in imported_nouns(path) if other != noun and FLOOR_OF.get(other, 99) >= FLOOR_OF[noun]]


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", named(MODULES))
def test_nobody_knows_the_floors_above(path):
    noun = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if noun not in FLOOR_OF:
        pytest.fail(f"{noun} stands on no floor")
    assert not climbs(path, noun)


def test_a_planted_climb_is_seen(tmp_path):
    planted = tmp_path / "sgd.py"
    planted.write_text("def step():\n    from deeprob_fast.knn.index import KNNIndex\n", encoding="utf-8")
    assert climbs(planted, "optim") == ["knn"]
    planted.write_text("import deeprob_fast.linear.losses\nfrom deeprob_fast import _kernels, plots\n", encoding="utf-8")
    assert climbs(planted, "knn") == ["linear", "plots"]


def test_the_root_holds_the_ground_and_little_else():
    assert len(list(PACKAGE.glob("*.py"))) <= 14
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"} <= set(FLOOR_OF)


def test_includes_have_no_cycle():
    graph = {p.relative_to(CPP).as_posix(): [n for n in includes(p) if (CPP / n).is_file()] for p in CPP_FILES}
    done = set()

    def visit(name, above):
        assert name not in above, f"cycle: {[*above, name]}"
        if name not in done:
            for other in graph[name]:
                visit(other, [*above, name])
            done.add(name)

    for name in graph:
        visit(name, [])


def test_flags_that_change_results_are_not_used():
    cmake = text(ROOT / "CMakeLists.txt")
    assert "-ffp-contract=off" in cmake
    for flag in ("-ffast-math", "-Ofast", "-funsafe-math", "-fassociative-math", "-march=native"):
        assert flag not in cmake


def test_benchmarks_compile_kernels_as_the_build_does():
    built = re.search(r"deeprob_options INTERFACE (-ffp-contract.*?)\)", text(ROOT / "CMakeLists.txt")).group(1).split()
    timed = re.search(r"_KERNEL_FLAGS = \((.*?)\)", text(ROOT / "benchmarks" / "native.py")).group(1)
    assert set(re.findall(r'"(-f[^"]+)"', timed)) == {flag for flag in built if flag.startswith("-f")}


def test_only_the_kernels_module_loads_extensions():
    for path in PACKAGE.rglob("*.py"):
        found = {
            alias.name for node in ast.walk(ast.parse(text(path))) if isinstance(node, ast.ImportFrom) for alias in node.names
        }
        assert not any(name.startswith("_kernels_") for name in found)
        if path.name != "_kernels.py":
            assert "_cpu" not in found


def test_no_property_holds_a_lock():
    """Before Python 3.12 `functools.cached_property` holds one while it computes; a fork leaves it locked in the child."""
    for path in PACKAGE.rglob("*.py"):
        assert "cached_property" not in text(path), path


def test_levels_are_listed_once():
    cmake = text(ROOT / "CMakeLists.txt")
    listed = re.search(r"set\(isa_levels (.*?)\)", cmake).group(1).split()
    listed += re.search(r"list\(APPEND isa_levels (.*?)\)", cmake).group(1).split()
    assert tuple(listed) == _kernels.LEVELS
    assert set(re.findall(r'\bappend\("([^"]+)"\)', text(CPP / "cpu.cpp"))) == set(listed)
    assert _kernels.METRICS == reference.METRICS == tuple(METRICS)


def test_docstrings_name_the_metrics():
    stated = "{" + ", ".join(f'"{name}"' for name in _kernels.METRICS) + "}"
    for thing in (df.nearest_neighbors, df.pairwise_distances, df.KNNIndex, df.evaluate_knn, df.NearestNeighbors):
        assert stated in (thing.__doc__ or "")


PUBLIC = {name: getattr(df, name) for name in dir(df)}
PUBLIC |= {f"{part}.{name}": getattr(PUBLIC[part], name) for part in ("figures", "landscapes") for name in PUBLIC[part].__all__}


@pytest.mark.parametrize("name", [n for n, thing in PUBLIC.items() if inspect.isclass(thing) or inspect.isfunction(thing)])
def test_public_things_are_documented(name):
    thing = PUBLIC[name]
    assert thing.__doc__
    if inspect.isfunction(thing):
        for section in ("Parameters", "Returns", "Raises", "Examples"):
            assert f"{section}\n    ---" in thing.__doc__, f"{name} lacks {section}"
        for parameter in inspect.signature(thing).parameters:
            assert re.search(rf"\b{parameter}\b.* : ", thing.__doc__), f"{name} does not document {parameter}"


@pytest.mark.parametrize("name", [n for n in df.optim.__all__ if n != "textbook"])
def test_optimizers_and_schedules_are_documented(name):
    thing = getattr(df.optim, name)
    for parameter in inspect.signature(thing).parameters:
        assert re.search(rf"\b{parameter}\b.* : ", thing.__doc__) or inspect.isabstract(thing), f"{name} lacks {parameter}"
    for method, function in inspect.getmembers(thing, inspect.isfunction):
        assert method.startswith("_") or inspect.getdoc(function), f"{name}.{method}"


def test_update_rules_have_one_name_on_every_floor():
    rules = {cls.rule for cls in vars(df.optim).values() if inspect.isclass(cls) and hasattr(cls, "rule")}
    assert rules == set(re.findall(r'name == "(\w+)"', text(CPP / "optim" / "rule.hpp")))
    for rule in rules:
        assert (CPP / "optim" / f"{rule}.hpp").is_file()
        assert (PACKAGE / "optim" / f"{rule}.py").is_file()


def test_what_stands_in_both_languages_is_the_same():
    formulas = re.search(r"kFormulas\{(.*?)\};", text(CPP / "linear" / "loss.hpp"), re.DOTALL).group(1)
    assert sorted(re.findall(r"\w+", formulas)) == sorted(settings.LOSSES)
    n_slots = re.search(r"kMaxSlots = (\d+)", text(CPP / "optim" / "rule.hpp")).group(1)
    assert int(n_slots) == classifiers._N_SLOTS


def test_public_names():
    assert public_names() == json.loads(text(RECORDED))
    assert all(getattr(df, name) is getattr(df, name) for name in dir(df))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = df.nothing  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_else():
    code = "import sys, deeprob_fast; print([name for name in sys.modules if name.startswith(('deeprob_fast.', 'numpy'))])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_public_name_hides_behind_a_module_of_the_same_name():
    """Importing such a module would put it where the name is looked up."""
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert all(inspect.ismodule(getattr(df, name)) for name in modules & set(dir(df)))


def test_changelog_names_the_version():
    project = tomllib.loads(text(ROOT / "pyproject.toml"))
    assert text(ROOT / "CHANGELOG.md").splitlines()[2].startswith(f"## {project['project']['version']}")


def undeclared_versions(written, project):
    """Requirements with a version that the project does not declare, and tools that pre-commit fetches by itself."""
    wanted = re.findall(r"[\w.-]+(?:\[[\w,]+\])?[=~<>]=[\d.]+", written)
    return [each for each in wanted if each not in project] + re.findall(r"- repo: (?!local\b)(\S+)", written)


def test_versions_of_tools_stand_in_one_list():
    chores = [ROOT / "noxfile.py", ROOT / ".ci" / "run", ROOT / ".pre-commit-config.yaml", *(ROOT / ".github").rglob("*.yml")]
    project = text(ROOT / "pyproject.toml")
    for path in chores:
        assert not undeclared_versions(text(path), project), path.name
    assert undeclared_versions("pip install 'ruff==0.1' nox", project) == ["ruff==0.1"]
    assert undeclared_versions("- repo: https://example.org/hooks", project) == ["https://example.org/hooks"]


def test_continuous_integration_repeats_no_chore():
    assert not re.search(r"\b(mypy|stubtest|pytest|ruff|sphinx-build|run-clang-tidy|codespell)\b", text(ROOT / ".ci" / "run"))


# What differs by instruction-set level: kernels, and what reaches them with arrays of every kind.
EACH_LEVEL = {"knn", "linear", "optim", "safety", "test_kernels.py", "test_validation.py"}


def test_what_does_not_differ_by_level_runs_once():
    for path in (ROOT / "tests").rglob("test_*.py"):
        if path.relative_to(ROOT / "tests").parts[0] not in EACH_LEVEL:
            functions = [node for node in ast.walk(ast.parse(text(path))) if isinstance(node, ast.FunctionDef)]
            assert not [each.name for each in functions if any(argument.arg == "isa" for argument in each.args.args)], path.name


def test_readme_commands():
    readme = text(ROOT / "README.md")
    assert "pip install . && deeprob-fast evaluate" in readme
    assert "pip install '.[test]' && pytest" in readme


def test_nothing_is_left_to_do():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("needs the repository")
    files = done.stdout.split()
    assert "tests/test_house.py" in files
    marks = r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b"
    for name in files:
        path = ROOT / name
        if path.suffix in (".py", ".cpp", ".hpp", ".md", ".toml", ".yml", ".yaml"):
            assert not re.search(marks, text(path)), name


@pytest.mark.parametrize("path", named(CPP_FILES))
def test_nothing_refers_to_a_temporary(path):
    """Whoever keeps a reference takes it as core::Borrowed, which no temporary becomes."""
    for kind, name in re.findall(r"^\s+const ([\w:<>]+)& (\w+)_;", code(path), re.MULTILINE):
        taken = f"core::Borrowed<{kind}> {name}"
        assert taken in code(path) or path.name == "borrowed.hpp", f"{name}_ must be taken as {taken}"


def test_every_binding_checks_its_arrays():
    for path in CPP.glob("bind_*.cpp"):
        takes_arrays = re.search(r"core::(Const)?(Matrix|Vector|MutableVector)|Labels&", code(path))
        assert not takes_arrays or "require" in code(path), path.name
