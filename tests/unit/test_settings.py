"""settings.toml and the environment: what they can say, and what is said where they are wrong."""

from pathlib import Path

import pytest

from assay.errors import CourseError
from assay.settings import CourseSettings, Profile, Settings, load

WHOLE = """
bind_url = "http://127.0.0.1:9000/lab"
admins = ["operator"]
demo = false
database = "postgresql://db/assay"
jobs = 3
upload_bytes = 1000
idle_minutes = 5

[courses.deep-learning]
root = "../courses/deep-learning"
instructors = ["instructor1"]
students = ["student1"]
everyone = true
feedback = "when released"

[courses.logic]
root = "/courses/logic"

[authenticator]
kind = "oauth"
class = "github"
client_id = "1"
allowed_users = ["student1"]
"""

CONTAINERS = """
gpus = ["GPU-0", "GPU-1"]
hub_host = "hub:8081"

[spawner]
kind = "docker"
image = "student:1"

[profiles.cpu]
title = "Without a GPU"

[profiles.gpu]
gpu = true
groups = ["nbgrader-logic"]
idle_minutes = 20
memory = "16G"
cpus = 4
"""


def read(home: Path, text: str, **environ: str) -> Settings:
    (home / "settings.toml").write_text(text)
    return load(home, environ)


def refused(home: Path, text: str, **environ: str) -> str:
    with pytest.raises(CourseError) as caught:
        read(home, text, **environ)
    return str(caught.value)


def test_without_a_file_everything_has_a_default(tmp_path: Path) -> None:
    assert load(tmp_path, {}) == Settings(tmp_path)


def test_every_key(tmp_path: Path) -> None:
    settings = read(tmp_path, WHOLE)
    logic = CourseSettings("logic", Path("/courses/logic"))
    learning = CourseSettings(
        "deep-learning",
        (tmp_path / "../courses/deep-learning").resolve(),
        *(("instructor1",), ("student1",), True, "when released"),
    )
    assert settings == Settings(
        home=tmp_path,
        courses=(learning, logic),
        bind_url="http://127.0.0.1:9000/lab",
        admins=("operator",),
        demo=False,
        database="postgresql://db/assay",
        jobs=3,
        upload_bytes=1000,
        idle_minutes=5,
        authenticator="oauth",
        authenticator_options={"class": "github", "client_id": "1", "allowed_users": ["student1"]},
    )


def test_the_environment_counts_more_than_the_file(tmp_path: Path) -> None:
    environ = {"ASSAY_JOBS": "8", "ASSAY_ADMINS": "one, two", "ASSAY_DEMO": "true", "ASSAY_AUTHENTICATOR": "ldap"}
    settings = read(tmp_path, WHOLE, **environ)
    assert (settings.jobs, settings.admins, settings.demo) == (8, ("one", "two"), True)
    assert settings.authenticator == "ldap"
    assert settings.upload_bytes == 1000


def test_variables_that_are_none_of_its_own_are_left_alone(tmp_path: Path) -> None:
    assert read(tmp_path, "", ASSAY_HOME="/elsewhere", ASSAY_COURSES="x", PATH="/bin") == Settings(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jobs = ", "is not TOML"),
        ("job = 3", "sets job, which nothing reads"),
        ("jobs = -1", "jobs is -1, which is no number from 0"),
        ("jobs = true", "jobs is True, which is no number from 0"),
        ('jobs = "3"', "which is no number from 0"),
        ("bind_url = 8000", "which is no text in quotes"),
        ('demo = "yes"', "which is no true or false"),
        ('admins = "operator"', "which is no list of names"),
        ("admins = [1]", "which is no list of names"),
        ("courses = 3", "courses is a table"),
        ("[courses.logic]", "has no root"),
        ("[courses.logic]\nroot = 3", "which is no path in quotes"),
        ('[courses.logic]\nroot = "/x"\nname = "y"', "sets name, which nothing reads"),
        ('[courses.logic]\nroot = "/x"\nfeedback = "never"', "Choose one of: at once, when released"),
        ('[courses."Deep Learning"]\nroot = "/x"', "a course cannot be called 'Deep Learning'"),
        ('[courses.exchange]\nroot = "/x"', "cannot be called 'exchange'"),
        ('[courses.grading-a]\nroot = "/x"', "cannot be called 'grading-a'"),
        ('[authenticator]\nkind = "dummy"', "Choose one of: native, oauth, lti13, ldap"),
        ("authenticator = 3", "authenticator is a table"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    message = refused(tmp_path, text)
    assert said in message
    assert "settings.toml" in message


@pytest.mark.parametrize(
    ("name", "value"), [("JOBS", "many"), ("JOBS", "-1"), ("DEMO", "maybe"), ("AUTHENTICATOR", "dummy")]
)
def test_a_wrong_variable_is_named(tmp_path: Path, name: str, value: str) -> None:
    message = refused(tmp_path, "", **{f"ASSAY_{name}": value})
    assert value in message or repr(int(value)) in message


def test_a_digit_that_is_no_number_is_named_too(tmp_path: Path) -> None:
    assert "ASSAY_JOBS: jobs is '²', which is no number from 0" in refused(tmp_path, "", ASSAY_JOBS="²")


def test_a_file_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").mkdir()
    with pytest.raises(CourseError, match=r"settings\.toml cannot be read \(Is a directory\)"):
        load(tmp_path, {})


def test_names_of_a_course(tmp_path: Path) -> None:
    course = read(tmp_path, WHOLE).course("logic")
    assert (course.student_group, course.instructor_group) == ("nbgrader-logic", "formgrade-logic")
    assert course.grading == "grading-logic"
    with pytest.raises(CourseError, match=r"no course physics on this site \(known: deep-learning, logic\)"):
        read(tmp_path, WHOLE).course("physics")


def test_all_state_lies_in_the_servers_folder(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    for path in (settings.hub, settings.secrets, settings.receipt_key, settings.homes, settings.blobs):
        assert path.is_relative_to(tmp_path)
    assert settings.exchange_database == f"sqlite:///{tmp_path}/exchange/exchange.sqlite"
    assert settings.jobs_database == f"sqlite:///{tmp_path}/jobs.sqlite"
    one = Settings(tmp_path, database="postgresql://db/assay")
    assert one.exchange_database == one.jobs_database == "postgresql://db/assay"


def test_containers_and_profiles_in_their_order(tmp_path: Path) -> None:
    assert read(tmp_path, CONTAINERS) == Settings(
        home=tmp_path,
        spawner="docker",
        spawner_options={"image": "student:1"},
        gpus=("GPU-0", "GPU-1"),
        hub_host="hub:8081",
        profiles=(
            Profile("cpu", "Without a GPU"),
            Profile("gpu", gpu=True, groups=("nbgrader-logic",), idle_minutes=20, memory="16G", cpus=4.0),
        ),
    )
    environ = {"ASSAY_SPAWNER": "kubernetes", "ASSAY_GPUS": "2, 3", "ASSAY_HUB_HOST": "h"}
    settings = read(tmp_path, CONTAINERS, **environ)
    assert (settings.spawner, settings.gpus, settings.hub_host) == ("kubernetes", ("2", "3"), "h")
    assert settings.spawner_options == {"image": "student:1"}


@pytest.mark.parametrize(
    "text",
    [
        'gpus = ["0", "GPU-8f2c"]',
        'gpus = ["GPU-8f2c"]\n[courses.logic]\nroot = "/courses/logic"\ngpus = ["0"]',
        '[courses.logic]\nroot = "a"\ngpus = ["0"]\n[courses.physics]\nroot = "b"\ngpus = ["GPU-8f2c"]',
    ],
)
def test_a_device_with_two_names_is_not_given_twice(tmp_path: Path, text: str) -> None:
    assert "some gpus are numbers and some are not" in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[profiles.gpu]\ngpu = true", "gives a GPU to everybody"),
        ('[profiles.own]\ngroups = ["a"]', "Put another before it"),
        ('[profiles.one]\n[profiles.own]\ngpu = true\ngroups = "a"', "no list of names"),
        ('[profiles.one]\nmemory = "much"', "memory of the profile one is 'much'"),
        ("[profiles.one]\ncpus = -1", "cpus is -1, which is no number from 0"),
        ("[profiles.one]\ncpus = inf", "cpus is inf, which is no number from 0"),
        ("[profiles.one]\nname = 'b'", "sets name, which nothing reads"),
        ("[profiles.ONE]\n", "no profile is called 'ONE'"),
        ("spawner_options = {}", "sets spawner_options, which nothing reads"),
        ('[spawner]\nkind = "ssh"', "Choose one of: local, docker, kubernetes"),
        ('spawner = "docker"', "spawner is a table"),
    ],
)
def test_what_no_profile_and_no_spawner_can_be(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)
