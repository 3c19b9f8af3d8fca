# A cell raises; later cells still run.
# deserves: gradient_step=4 descend=3 linear=3

# %% gradient_step
def gradient_step(w, g, lr):
    return w - lr * g


raise SystemExit("done here")
