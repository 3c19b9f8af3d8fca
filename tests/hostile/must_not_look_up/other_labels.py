# Believes that y holds the truth at the other nodes, too, and lets neighbours vote with it.
# deserves: fit_predict=0
# fools:

# %% fit_predict
import numpy as np


def fit_predict(A, X, labelled, y, *, seed):
    votes = (A + 3 * np.eye(len(A))) @ np.eye(y.max() + 1)[y]
    return votes.argmax(axis=1)
