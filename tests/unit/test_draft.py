import nbformat
import pytest

from assay.errors import AuthoringError
from assay.notebook.draft import draft_notebook

REFERENCE = '''
import numpy as np
from assay.checks import Float


def _mean(x):
    return x.sum(0) / len(x)


def centre(x: Float["n d"], scale: float = 1.0) -> Float["n d"]:
    """Subtract the mean of every column."""
    return (x - _mean(x)) * scale


def flip(x: Float["n d"]) -> Float["n d"]:
    return x[::-1]
'''


@pytest.fixture
def notebook(tmp_path):
    (tmp_path / "reference.py").write_text(REFERENCE)
    return draft_notebook(tmp_path / "reference.py", title="Centring")


def test_it_is_a_valid_notebook_with_a_task_for_each_public_function(notebook):
    nbformat.validate(nbformat.from_dict(notebook))
    marks = [cell["metadata"]["nbgrader"] for cell in notebook["cells"] if "nbgrader" in cell["metadata"]]
    assert [mark["grade_id"] for mark in marks if mark["grade"]] == ["centre", "flip"]


def test_the_answer_runs_on_its_own(notebook):
    import numpy as np

    namespace = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec(cell["source"], namespace)
    x = np.array([[1.0, 2.0], [3.0, 6.0]])
    assert namespace["centre"](x, 2.0).tolist() == [[-2.0, -4.0], [2.0, 4.0]]


def test_what_students_get_tells_nothing_of_the_answer(notebook):
    answer = next(cell["source"] for cell in notebook["cells"] if cell["id"] == "centre-answer")
    before, after = answer.split("### BEGIN SOLUTION")
    assert before.splitlines()[0] == "def centre(x, scale=1.0):"
    assert "_mean" not in before and after.rstrip().endswith("### END SOLUTION")


@pytest.mark.parametrize("text", ["def (", "x = 1", "def _hidden(): ..."])
def test_a_file_without_a_function_is_refused(tmp_path, text):
    (tmp_path / "reference.py").write_text(text)
    with pytest.raises(AuthoringError, match=r"reference\.py"):
        draft_notebook(tmp_path / "reference.py", title="x")
