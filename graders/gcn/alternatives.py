"""Right answers written differently. All of them must get full points: they keep the checks fair."""

from alternatives_of_layers import *
from alternatives_of_training import *
