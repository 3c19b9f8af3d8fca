"""Right answers written differently. All of them must get full points: they keep the checks fair.

No judge loads this file, so torch is imported at the top: on a busy machine that takes longer than a call may.
"""

from alternatives_of_layers import *
from alternatives_of_training import *
