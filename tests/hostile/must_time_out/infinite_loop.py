# Never returns.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
def gradient_step(w, g, lr):
    while True:
        pass
