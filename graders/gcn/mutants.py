"""Wrong answers that students give, each with what a tutor would say. All of them must lose points."""

from mutants_gcn_layer import *
from mutants_gat_layer import *
from mutants_pooling import *
from mutants_fit_predict import *
