# Prints without end.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import os


def gradient_step(w, g, lr):
    while True:
        print("x" * 100_000)
        os.write(2, b"y" * 100_000)
