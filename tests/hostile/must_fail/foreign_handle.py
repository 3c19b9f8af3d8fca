# Returns what claims to be an object of the judge.
# deserves: gradient_step=4 descend=3 linear=0

# %% linear
def linear(w):
    return {"t": "handle", "n": 0, "type": "function", "v": "gradient_step"}
