"""Wrong answers that students give, and some that only cheats give."""

from mutants_minibatches import *
from mutants_cross_entropy import *
from mutants_training import *
from mutants_prediction import *
from mutants_cheating import *
