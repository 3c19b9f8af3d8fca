# Puts modules of its own in front of the real ones.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import sys


class Finder:
    def find_spec(self, name, path=None, target=None):
        raise SystemExit(f"PASSED {name}")


sys.meta_path.insert(0, Finder())
sys.path.insert(0, ".")


def gradient_step(w, g, lr):
    return w * 0
