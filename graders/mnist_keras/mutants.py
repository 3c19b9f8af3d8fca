"""Wrong answers that students give. Each loses points, and each check is failed by one of them."""

from mutants_build_model import *
from mutants_fit import *
from mutants_fit_better import *
