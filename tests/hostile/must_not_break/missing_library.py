# Imports libraries that are not there, beside a right answer.
# deserves: gradient_step=4 descend=3 linear=3

# %% gradient_step
import seaborn as sns
import matplotlib.pyplot as plt
from sklearn import metrics


def gradient_step(w, g, lr):
    return w - lr * g


plt.plot([1, 2, 3])
sns.set_theme()
