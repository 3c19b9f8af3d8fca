# Ignores every signal it may ignore, and loops.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        continue


def gradient_step(w, g, lr):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
