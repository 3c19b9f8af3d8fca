# One cell is not Python; the other tasks are graded.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
def gradient_step(w, g, lr)
    return w - lr * g
