# Returns a list nested a hundred thousand deep.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
def gradient_step(w, g, lr):
    nested = []
    for _ in range(100_000):
        nested = [nested]
    return nested
