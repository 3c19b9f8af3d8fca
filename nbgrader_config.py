# The course, as nbgrader's commands and formgrader read it. Everything in nbgrader's documentation can be set here.
from pathlib import Path

from assay.notebook.nbgrader import configure

c = get_config()  # noqa: F821
configure(c)  # grade behind the border

c.CourseDirectory.course_id = "course"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)

# Points lost for being late; see nbgrader's documentation of LateSubmissionPlugin.
# c.LateSubmissionPlugin.penalty_method = "zero"
