# Overwrites its arguments, so that a reference computed afterwards sees zeros.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
def gradient_step(w, g, lr):
    w[:] = 0
    g[:] = 0
    return w * 1.0
