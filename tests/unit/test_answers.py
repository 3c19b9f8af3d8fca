"""Files of wrong and of right answers."""

import sys

import pytest

from assay.checks import mutant
from assay.checks.answers import answers_in
from assay.checks.siblings import load, siblings
from assay.errors import AuthoringError

REFERENCE = "def double(x):\n    return 2 * x\n"
MUTANTS = """
from assay.checks import mutant
from reference import double

@mutant(of="double", says="This adds two instead of doubling.")
def adds_two(x):
    return x + 2

@mutant(of="double", says="This quadruples.")
@mutant(of="quarter", says="The wrong way round.")
def quadruple(x):
    return double(double(x))

def helper(x):
    return x

@mutant(of="Value", says="Its gradient is always 0.")
class NoGradient:
    grad = 0.0
"""


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_answers_are_read_in_order(tmp_path):
    write(tmp_path, reference=REFERENCE, mutants=MUTANTS)
    answers = answers_in(tmp_path / "mutants.py")
    assert [(a.of, a.name) for a in answers] == [
        ("double", "adds_two"),
        ("double", "quadruple"),
        ("quarter", "quadruple"),
        ("Value", "NoGradient"),
    ]
    assert answers[0].says == "This adds two instead of doubling."
    assert answers[1].function(3) == 12


def test_alternatives_have_no_diagnosis(tmp_path):
    text = 'from assay.checks import alternative\n@alternative(of="f")\ndef summed(x):\n    return x + x\n'
    (answer,) = answers_in(write(tmp_path, alternatives=text) / "alternatives.py")
    assert (answer.name, answer.of, answer.says) == ("summed", "f", "")


def test_a_file_that_is_not_there_has_no_answers(tmp_path):
    assert answers_in(tmp_path / "mutants.py") == ()


def test_a_mutant_has_to_say_something():
    with pytest.raises(AuthoringError):
        mutant(of="f", says=" ")


def test_a_file_that_does_not_import_is_named(tmp_path):
    write(tmp_path, mutants="from reference import nothing")
    with pytest.raises(AuthoringError, match=r"mutants.py cannot be imported \(ModuleNotFoundError"):
        answers_in(tmp_path / "mutants.py")


def test_each_exercise_sees_its_own_siblings(tmp_path):
    answers = []
    for factor in (2, 3):
        folder = tmp_path / str(factor)
        folder.mkdir()
        write(folder, reference=REFERENCE.replace("2", str(factor)), mutants=MUTANTS)
        answers.append(answers_in(folder / "mutants.py")[1].function(1))
    assert answers == [4, 9]


def test_importing_leaves_no_trace(tmp_path):
    write(tmp_path, reference=REFERENCE, mutants=MUTANTS)
    modules, path, finders = set(sys.modules), list(sys.path), list(sys.meta_path)
    bytecode = sys.dont_write_bytecode
    answers_in(tmp_path / "mutants.py")
    assert set(sys.modules) == modules and sys.path == path and sys.meta_path == finders
    assert sys.dont_write_bytecode == bytecode
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mutants.py", "reference.py"]


def test_a_module_of_the_same_name_comes_back(tmp_path):
    write(tmp_path, json="value = 1\n")
    import json

    with siblings(tmp_path):
        assert load(tmp_path / "json.py").value == 1
    assert sys.modules["json"] is json


def test_a_file_that_exits_python_is_named(tmp_path):
    write(tmp_path, mutants="raise SystemExit(3)")
    with pytest.raises(AuthoringError, match="SystemExit: 3"):
        answers_in(tmp_path / "mutants.py")


def test_two_answers_of_one_name_are_refused(tmp_path):
    text = (
        "from assay.checks import mutant\n"
        "def make(value):\n"
        "    @mutant(of='f', says='Always the same.')\n"
        "    def constant(x):\n"
        "        return value\n"
        "    return constant\n"
        "one, two = make(1), make(2)\n"
    )
    with pytest.raises(AuthoringError, match="two answers constant of f"):
        answers_in(write(tmp_path, mutants=text) / "mutants.py")


def test_a_mistake_in_a_file_of_answers_is_told_as_it_is(tmp_path):
    text = "from assay.checks import mutant\n@mutant(of='f', says='')\ndef empty(x):\n    return x\n"
    with pytest.raises(AuthoringError, match=r"mutants.py: A mutant of f says nothing"):
        answers_in(write(tmp_path, mutants=text) / "mutants.py")
