"""Running a notebook's cells: what an error costs, what IPython syntax costs, what a missing library costs."""

import re
import textwrap
from typing import Any

import pytest

from assay.sandbox.inside.absent import Absent, LibraryAbsent
from assay.sandbox.inside.cells import run_cells
from assay.sandbox.inside.ipython import as_python


def run(*texts: str, instructor: bool = False, seconds: float = 20.0) -> tuple[dict[str, Any], list[str]]:
    """The namespace after cells named a, b, c, ... and the notes."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells = [(name, textwrap.dedent(text), instructor) for name, text in zip("abcdefgh", texts, strict=False)]
    return namespace, run_cells(cells, namespace, seconds)


class TestRunning:
    def test_cells_share_a_namespace(self) -> None:
        namespace, notes = run(
            "import math\ndef helper(x): return math.floor(x)",
            "def f(x): return helper(x) + (f(x - 1) if x > 1 else 0)",
            "class Net:\n    def forward(self, x): return f(x)",
        )
        assert namespace["Net"]().forward(3.5) == 6 and notes == []

    def test_it_looks_like_main(self) -> None:
        namespace, _ = run('if __name__ == "__main__":\n    ran = True')
        assert namespace["ran"] is True

    def test_decorators_and_dataclasses(self) -> None:
        namespace, notes = run(
            """
            import functools
            def twice(function):
                @functools.wraps(function)
                def doubled(*args):
                    return 2 * function(*args)
                return doubled
            """,
            "@twice\ndef f(x):\n    return x",
        )
        assert namespace["f"](4) == 8 and notes == []

    def test_annotations_of_the_future_hold_for_their_cell(self) -> None:
        namespace, notes = run(
            "from __future__ import annotations\ndef f(x: Unknown) -> Nowhere: return x",
            "def g(x: Unknown): return x",
        )
        assert namespace["f"](1) == 1 and "g" not in namespace
        assert notes == ["b stopped at line 1: NameError: name 'Unknown' is not defined."]

    def test_comments_empty_cells_and_windows_line_ends(self) -> None:
        namespace, notes = run("", "# only this", "\n\n", "x = 1\r\nif x:\r\n    y = 2\r\n")
        assert namespace["y"] == 2 and notes == []

    def test_what_a_notebook_offers_is_there(self) -> None:
        _, notes = run("display(3)\nget_ipython().run_line_magic('matplotlib', 'inline')")
        assert notes == []


class TestErrors:
    def test_an_error_stops_its_cell_only(self) -> None:
        namespace, notes = run("x = 1\n\ny = x / 0\nz = 3", "w = 4")
        assert namespace["x"] == 1 and namespace["w"] == 4 and "z" not in namespace
        assert notes == ["a stopped at line 3: ZeroDivisionError: division by zero."]

    def test_the_line_is_where_the_student_erred(self) -> None:
        _, notes = run("def f():\n    return [][1]", "\nf()")
        assert notes == ["b stopped at line 2: IndexError: list index out of range (cell a, line 2)."]

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("raise SystemExit('bye')", "SystemExit: bye"),
            ("import sys; sys.exit(0)", "SystemExit: 0"),
            ("raise KeyboardInterrupt", "KeyboardInterrupt"),
            ("raise GeneratorExit", "GeneratorExit"),
            ("def f(): f()\nf()", "RecursionError"),
            ("x = bytearray(10**15)", "MemoryError"),
            ("assert 1 == 2", "AssertionError"),
            ("return 3", "'return' outside function"),
        ],
    )
    def test_nothing_ends_the_worker(self, text: str, says: str) -> None:
        namespace, notes = run(text, "x = 7")
        assert namespace["x"] == 7 and len(notes) == 1 and says in notes[0] and "a stopped at line" in notes[0]

    @pytest.mark.parametrize(
        "text", ["def f(:\n  pass", "x = = 3", "x = 1\0", "(" * 1000 + ")" * 1000, "  x = 1\n y = 2", "x = '\ud800'"]
    )
    def test_a_cell_that_is_not_python_leaves_the_others_alone(self, text: str) -> None:
        namespace, notes = run(text, "x = 7")
        assert namespace["x"] == 7
        assert len(notes) == 1 and notes[0].startswith("a stopped before its first line, because it is not Python: ")

    def test_an_error_whose_text_is_a_trap(self) -> None:
        _, notes = run(
            "class Trap(Exception):\n    def __str__(self): raise SystemExit\nraise Trap",
            "raise ValueError('\\x1b[31m' + 'a' * 10_000)",
        )
        assert notes[0] == "a stopped at line 3: Trap."
        assert "\x1b" not in notes[1] and len(notes[1]) < 600

    def test_notes_are_few(self) -> None:
        _, notes = run("\n".join("import nowhere_to_be_found" for _ in range(500)))
        assert len(notes) == 100


class TestTime:
    def test_an_endless_cell_costs_only_itself(self) -> None:
        namespace, notes = run("def f(): return 1", "while True:\n    pass", "y = f()", seconds=0.4)
        assert namespace["y"] == 1 and len(notes) == 1
        assert re.fullmatch(r"b stopped after 0\.\d seconds: the checks wait no longer for one cell\.", notes[0])

    def test_many_endless_cells_end_in_time(self) -> None:
        _, notes = run(*["try:\n    while True: pass\nexcept Exception:\n    pass"] * 6, seconds=1.0)
        assert len(notes) == 6


class TestMissingLibraries:
    def test_a_plot_costs_no_function(self) -> None:
        namespace, notes = run(
            """
            import no_such_plots.pyplot as plt
            from no_such_tables import frame, series as s
            plt.rcParams["figure.figsize"] = (3, 3)
            plt.figure()
            fig, ax = plt.subplots()
            for line in plt.lines: pass
            with plt.style.context("dark"): pass
            if plt.x: pass
            class Axes(plt.Axes): pass
            def f(x, colors=plt.cm.viridis, axes: plt.Axes | None = None, other: s.Series[int] = None):
                return 3 if isinstance(x, plt.Axes) else x + 1
            def draw(x):
                plt.plot(x)
            """
        )
        assert namespace["f"](1) == 2
        with pytest.raises(ModuleNotFoundError, match="no_such_plots is not among the libraries of this exercise"):
            namespace["draw"](1)
        assert notes[0] == ("a: the import in line 2 failed: ModuleNotFoundError: No module named 'no_such_plots'.")
        assert notes[2] == "a: line 4 was left out: no_such_plots is not among the libraries of this exercise."
        assert len(notes) == 9

    def test_what_was_imported_beside_it_stays(self) -> None:
        namespace, notes = run("import math, no_such_library\nx = math.pi")
        assert namespace["x"] > 3 and len(notes) == 1

    def test_a_fallback_of_the_student_works_as_python_says(self) -> None:
        namespace, notes = run("try:\n    import no_such_library\nexcept ImportError:\n    no_such_library = None")
        assert namespace["no_such_library"] is None and notes == []

    def test_a_name_that_a_library_has_not_got(self) -> None:
        namespace, notes = run("from math import no_such_name\nx = 1")
        assert namespace["x"] == 1 and "cannot import name" in notes[0]

    def test_the_instructors_missing_plots_are_not_told(self) -> None:
        texts = ("%matplotlib inline\n!ls\nimport no_such_library as plt\nplt.show()", "1 / 0")
        assert len(run(*texts)[1]) == 4
        assert run(*texts, instructor=True)[1] == ["b stopped at line 1: ZeroDivisionError: division by zero."]

    def test_the_stand_in_refuses_to_be_data(self) -> None:
        absent = Absent("torch")
        for use in (bool, list, float, len, lambda x: x + 1, lambda x: 1 + x, lambda x: x(3), lambda x: x < 3):
            with pytest.raises(LibraryAbsent):
                use(absent)
        assert not hasattr(absent, "__array__") and not isinstance(3, absent)  # type: ignore[arg-type]


class TestIPython:
    @pytest.mark.parametrize(
        ("text", "left_out"),
        [
            ("%timeit f(3)", "%timeit f(3)"),
            ("!pip install torch", "!pip install torch"),
            ("!pip install a \\\n  b", "!pip install a \\"),
            ("files = !ls -la", "files = !ls -la"),
            ("t = %timeit -o f()", "t = %timeit -o f()"),
            ("a, b = %magic", "a, b = %magic"),
            ("np.dot?", "np.dot?"),
            ("np.dot??  # how", "np.dot??  # how"),
            ("?np.dot", "?np.dot"),
            ("%run it's.py \"", "%run it's.py \""),
            ("!echo (", "!echo ("),
        ],
    )
    def test_commands_are_left_out_and_told(self, text: str, left_out: str) -> None:
        namespace, notes = run(f"x = 1\n{text}\ny = 2\ndef f():\n    return x + y")
        assert namespace["f"]() == 3
        assert notes == [f"a: {left_out} was left out, because it is not Python."]

    def test_commands_in_a_block(self) -> None:
        namespace, notes = run("for i in range(2):\n    %time f(i)\n    x = i\nelse:\n    !ls")
        assert namespace["x"] == 1 and len(notes) == 2

    def test_what_only_looks_like_a_command_stays(self) -> None:
        numbers = "x = (7\n% 4)\nz = [\n1,\n# why?\n]\n"
        texts = 'y = """\n%matplotlib\n!ls\n"""\ns = "don\'t" \\\n% ()\nw = "?"\n'
        text = numbers + "%timeit f\n" + texts
        namespace, notes = run(text)
        assert (namespace["x"], namespace["y"], namespace["z"]) == (3, "\n%matplotlib\n!ls\n", [1])
        assert namespace["s"] == "don't" and namespace["w"] == "?" and len(notes) == 1

    def test_line_numbers_stay(self) -> None:
        _, notes = run("%%time\n!ls \\\n -l\n1 / 0")
        assert notes[1] == "a stopped at line 4: ZeroDivisionError: division by zero."

    @pytest.mark.parametrize("magic", ["%%time", "%%timeit -n 3", "%%capture out", "\n\n%%time", "%%time\n%%capture"])
    def test_bodies_that_are_plain_code_run(self, magic: str) -> None:
        namespace, notes = run(f"{magic}\nx = 3")
        assert namespace["x"] == 3 and notes == []

    @pytest.mark.parametrize("magic", ["%%bash", "%%html", "%%writefile a.py", "%%javascript", "%%unknown -x"])
    def test_other_bodies_do_not(self, magic: str) -> None:
        namespace, notes = run(f"{magic}\nx = 3", "y = 1")
        assert "x" not in namespace and namespace["y"] == 1
        assert notes == [f"a: {magic} was left out, because it is not Python."]

    def test_display_settings_are_not_worth_a_note(self) -> None:
        namespace, notes = run("%matplotlib inline\n%load_ext autoreload\n%autoreload 2\n%config X.y = 'retina'\nx = 1")
        assert namespace["x"] == 1 and notes == []

    def test_self_checks_are_not_worth_a_note(self) -> None:
        loading = "try:\n    %load_ext assay.selfcheck\nexcept ImportError:\n    missing = True"
        namespace, notes = run(loading, "%selfcheck double\nx = 1", "%selfcheck")
        assert namespace["x"] == 1 and "missing" not in namespace and notes == []

    def test_python_is_not_touched(self) -> None:
        text = "x = 5 %3\ny = not x\nz = x != y\n"
        assert as_python(text) == (text, ())
