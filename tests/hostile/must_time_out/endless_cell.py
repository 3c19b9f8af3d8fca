# A helper cell never ends, so that nothing after it is defined.
# deserves: gradient_step=0 descend=0 linear=0

# %% gradient_step
def gradient_step(w, g, lr):
    return w - lr * g


while True:
    pass
