# Computes an integer with a hundred million digits.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
def gradient_step(w, g, lr):
    return 10 ** (10**8) % 7 + 7 ** (10**8)
