# Leaves a process behind that survives its parent's end.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import os
import time


def gradient_step(w, g, lr):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                time.sleep(0.1)
        os._exit(0)
    while True:
        time.sleep(1)
