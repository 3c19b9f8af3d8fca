# Returns a list that contains itself.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
def gradient_step(w, g, lr):
    endless = []
    endless.append(endless)
    return endless
