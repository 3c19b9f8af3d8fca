"""Hidden checks, in the order of the tasks: values, one setting at a time, earn the points; laws say what is wrong."""

from checks_size import *
from checks_conv2d import *
from checks_pooling import *
from checks_backward import *
