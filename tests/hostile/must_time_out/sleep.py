# Sleeps instead of computing.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import time


def gradient_step(w, g, lr):
    time.sleep(3600)
