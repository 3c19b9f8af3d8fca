# Calls the gradient function without end.
# deserves: gradient_step=4 descend=0 linear=3

# %% descend
def descend(grad, x0, lr, steps):
    while True:
        grad(x0)
