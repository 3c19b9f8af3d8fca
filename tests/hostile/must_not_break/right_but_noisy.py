# Right answers with warnings and logging on every stream.
# deserves: gradient_step=4 descend=3 linear=3

# %% gradient_step
import logging
import os
import sys
import warnings


def gradient_step(w, g, lr):
    warnings.warn("look here")
    logging.getLogger().warning("and here")
    sys.stderr.write("Traceback (most recent call last):\n")
    os.write(2, b"native noise\n")
    return w - lr * g
