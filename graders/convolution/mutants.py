"""Wrong answers that students give, each with what a tutor would say. All of them must lose points."""

from mutants_size import *
from mutants_conv2d import *
from mutants_pooling import *
from mutants_backward import *
