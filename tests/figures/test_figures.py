"""All figures of the lecture: found, described, drawn within their frame, written; and the command that does so."""

import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from deeprob_fast import figures as lecture
from tests.cli.cli_cases import invoke as invoke  # noqa: PLC0414  # a fixture
from tests.figures.lecture_figures import module, numbers

pytestmark = pytest.mark.usefixtures("figures")

NAME = "learning_rate"  # is quick


def test_every_module_is_listed():
    files = Path(lecture.__file__).parent.glob("[!_]*.py")
    assert sorted(path.stem for path in files) == sorted(lecture.NAMES)


def test_importing_costs_nothing(tmp_path):
    code = (
        "import sys, deeprob_fast as df\n"
        "assert 'deeprob_fast.figures' not in sys.modules\n"
        "assert df.figures.title('learning_rate')\n"
        "assert not {'matplotlib', 'sklearn'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


@pytest.mark.parametrize("name", lecture.NAMES)
def test_described(name):
    first, empty, *rest = module(name).__doc__.splitlines()
    assert first == f"{lecture.title(name)}."
    assert empty == ""
    assert len(" ".join(rest)) > 100


@pytest.mark.parametrize("name", lecture.NAMES)
def test_drawn_within_the_frame(name):
    figure = module(name).draw(numbers(name))
    assert plt.get_fignums() == [figure.number]
    figure.set_dpi(100)
    figure.canvas.draw()
    assert figure.bbox.width == 800
    assert figure.get_suptitle()
    drawn = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    slack = 0.01
    assert drawn.x0 > -slack
    assert drawn.y0 > -slack
    assert drawn.x1 < width + slack
    assert drawn.y1 < height + slack


@pytest.mark.parametrize("format_", lecture.FORMATS)
def test_equal_figures_are_equal_files(tmp_path, format_):
    for folder in ("a", "b/c"):
        (path,) = lecture.save(tmp_path / folder, [NAME], format_)
        assert path == tmp_path / folder / f"{NAME}.{format_}"
    assert (tmp_path / "a" / path.name).read_bytes() == path.read_bytes()
    assert path.read_bytes()[:4] in (b"\x89PNG", b"<?xm", b"%PDF")
    assert plt.get_fignums() == []
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_all_are_saved_by_default(tmp_path, monkeypatch):
    monkeypatch.setattr(lecture, "draw", plt.figure)
    written = lecture.save(tmp_path)
    assert [path.name for path in written] == [f"{name}.png" for name in lecture.NAMES]
    assert all(path.stat().st_size for path in written)


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", lambda *_, **__: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        lecture.save(tmp_path, [NAME])
    assert plt.get_fignums() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda folder: lecture.save(folder, [NAME, "nothing"]), "name must be one of knn_regions, .*; got 'nothing'"),
        (lambda folder: lecture.save(folder, [NAME], "gif"), "format must be one of png, svg, pdf; got 'gif'"),
        (lambda _: lecture.draw("nothing"), "name must be one of .*; got 'nothing'"),
        (lambda _: lecture.title("_style"), "name must be one of .*; got '_style'"),
    ],
)
def test_bad_input_is_named(tmp_path, call, words):
    with pytest.raises(ValueError, match=words):
        call(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_one_name_is_not_several(tmp_path):
    with pytest.raises(TypeError, match=f"names must be several names of figures.*got the string '{NAME}'"):
        lecture.save(tmp_path, NAME)


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot")
    for call in (lambda: lecture.draw(NAME), lambda: lecture.save(tmp_path / "new", [NAME])):
        with pytest.raises(ModuleNotFoundError, match=r"this needs matplotlib: pip install 'deeprob-fast\[plot\]'"):
            call()
    assert not (tmp_path / "new").exists()


def test_command(invoke, tmp_path):
    result = invoke("figures", "--out", "new/folder", "--format", "svg", NAME, "batch_size")
    assert result.exit_code == 0, result.output
    lines = [f"{Path('new') / 'folder' / name}.svg: {lecture.title(name)}" for name in (NAME, "batch_size")]
    assert result.output.splitlines() == lines
    assert sorted(path.stem for path in (tmp_path / "new" / "folder").iterdir()) == ["batch_size", NAME]


def test_mistakes_of_the_command(invoke, tmp_path):
    result = invoke("figures", "--out", "new", "batch_sise", NAME)
    assert result.exit_code == 2
    assert f"NAME must be one of {', '.join(lecture.NAMES)}; got batch_sise" in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []
    assert "Missing option '--out'" in invoke("figures").output
    (tmp_path / "file").write_text("")
    result = invoke("figures", "--out", "file", NAME)
    assert result.exit_code == 2
    assert "is a file" in result.output
    result = invoke("figures", "--out", "file/folder", NAME)
    assert result.exit_code == 1
    assert "file/folder: Not a directory" in result.output


def test_examples_of_the_help(invoke):
    text = invoke("figures", "--help").output
    lines = [line.split() for line in text.splitlines() if line.strip().startswith("deeprob-fast")]
    assert len(lines) == 2
    assert all(name in text for name in lecture.NAMES)
    for _, command, *arguments in lines:
        assert command == "figures"
        assert {word for word in arguments if "_" in word} <= set(lecture.NAMES)
