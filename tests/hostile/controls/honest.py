# Right answers to everything.
# deserves: gradient_step=4 descend=3 linear=3
