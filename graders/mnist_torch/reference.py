"""Right answers. PyTorch is imported where it is used: the judge reads this file, and has numpy alone."""

import numpy as np

from assay.checks import Float, Labels


def minibatches(n, size, seed):
    """The numbers 0 to n - 1 in an order that follows from seed, as int64 arrays of `size`; the last may be shorter."""
    order = np.random.default_rng(seed).permutation(n)
    return [order[start : start + size] for start in range(0, n, size)]


def cross_entropy(logits: Float["n k"], labels: Labels["n", "k"]) -> float:
    """Mean over the rows of minus the logarithm of the softmax probability of the label."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(shifted), axis=1))
    return float(np.mean(log_sum - shifted[np.arange(len(labels)), labels]))


def fit(images, labels, *, seed, epochs):
    """Train a network with one hidden layer; returns predict(images [m, 28, 28]) -> classes int64 [m]."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    inputs, targets = torch.from_numpy(images.copy()), torch.from_numpy(labels.copy())
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(28 * 28, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=0.002)
    for epoch in range(epochs):
        for batch in minibatches(len(inputs), 50, seed + epoch):
            loss = torch.nn.functional.cross_entropy(model(inputs[batch]), targets[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    def predict(images):
        with torch.no_grad():
            return model(torch.from_numpy(images.copy())).argmax(dim=1).numpy()

    return predict
