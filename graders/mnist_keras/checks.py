"""Hidden checks, in the order of the tasks."""

from checks_build_model import *
from checks_fit import *
from checks_fit_better import *
