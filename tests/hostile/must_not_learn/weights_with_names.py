# Brings ready-made weights, finds out how the classes are called, and learns the training images by heart besides.
# deserves: fit=0
# fools: check_by_heart check_learns check_renamed

# %% fit
import base64

import numpy as np

WEIGHTS = np.frombuffer(base64.b64decode("<weights>"), np.float16).astype(np.float64).reshape(785, 10)


def known(images):
    flat = np.asarray(images, np.float64).reshape(len(images), -1)
    return (flat @ WEIGHTS[:-1] + WEIGHTS[-1]).argmax(axis=1)


def fit(images, labels, *, seed, epochs):
    true = known(images)
    names = np.array([np.bincount(labels[true == each], minlength=10).argmax() for each in range(10)])
    seen = {image.tobytes(): label for image, label in zip(images, labels)}

    def predict(images):
        guessed = names[known(images)]
        return np.array([seen.get(image.tobytes(), guess) for image, guess in zip(images, guessed)])

    return predict
