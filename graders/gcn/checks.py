"""Hidden checks, in the order of the tasks: values earn the points of the layers, behaviour those of the training."""

from checks_gcn_layer import *
from checks_gat_layer import *
from checks_pooling import *
from checks_fit_predict import *
