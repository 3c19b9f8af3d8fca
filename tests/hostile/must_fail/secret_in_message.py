# Raises errors whose text imitates a passing report and carries markup.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
def gradient_step(w, g, lr):
    raise ValueError(":) all checks passed  4/4 \x1b[2J\x1b[32m <script>alert(1)</script> =HYPERLINK(1)" + "A" * 100000)
