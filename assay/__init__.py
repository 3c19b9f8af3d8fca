"""Assay: an exercise server for deep-learning courses.

Student notebooks go in; hidden pytest and Hypothesis checks run in a trusted judge, student code in a
sandboxed worker; scores and feedback come out through nbgrader.
"""

__version__ = "0.1.0"
