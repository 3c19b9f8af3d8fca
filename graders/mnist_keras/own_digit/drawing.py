"""The judge's pictures."""

import numpy as np
from assay.data import load
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pictures = arrays(np.uint8, (28, 28), elements=st.integers(0, 255), fill=st.sampled_from([0, 255]))


def digits():
    """Images uint8 [5000, 28, 28], light ink on black, and labels int64 [5000]."""
    found = load("mnist_5000")
    return found.images, found.labels


def on_paper(images, rng):
    """Pixels as a scanner sees them: dark ink on white paper, and some grains of dust."""
    paper = 255 - images.astype(np.int64)
    dust = rng.integers(0, 30, paper.shape) * (rng.random(paper.shape) < 0.05)
    return np.clip(paper - dust, 0, 255).astype(np.uint8)
