# A cell never ends and defines its answer only afterwards.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
while True:
    pass


def gradient_step(w, g, lr):
    return w - lr * g
