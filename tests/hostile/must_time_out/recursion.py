# Recurses without end.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import sys

sys.setrecursionlimit(10**9)


def gradient_step(w, g, lr):
    return gradient_step(w, g, lr)
