# Hangs inside compiled code that does not look at signals.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import re


def gradient_step(w, g, lr):
    return re.match(r"(a|aa)+$", "a" * 60 + "b")
