"""A training with places where it can go wrong, for the wrong answers."""

import numpy as np


def flat(images):
    """Images as a float32 tensor [n, 784]."""
    import torch

    return torch.tensor(np.asarray(images), dtype=torch.float32).flatten(1)


def new_model(seed, *, outputs=10, hidden=100, between=()):
    """A network with one hidden layer; `between` are modules after it."""
    import torch

    torch.manual_seed(seed)
    layers = (torch.nn.Linear(784, hidden), torch.nn.ReLU(), *(make() for make in between))
    return torch.nn.Sequential(*layers, torch.nn.Linear(hidden, outputs))


def adam(model, rate=0.002):
    import torch

    return torch.optim.Adam(model.parameters(), lr=rate)


def descent(model, rate=0.1):
    import torch

    return torch.optim.SGD(model.parameters(), lr=rate)


def loss_of(logits, targets):
    import torch

    return torch.nn.functional.cross_entropy(logits, targets)


def train(model, inputs, labels, *, seed, epochs, optimiser=None, loss=loss_of, clear=True, step=True, shuffled=True):
    """Train a model on a tensor [n, 784] in batches of 50."""
    import torch

    torch.set_num_threads(1)
    optimiser = optimiser or adam(model)
    targets = torch.tensor(np.asarray(labels))
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(inputs)) if shuffled else np.arange(len(inputs))
        for batch in np.split(order, range(50, len(inputs), 50)):
            if clear:
                optimiser.zero_grad()
            loss(model(inputs[batch]), targets[batch]).backward()
            if step:
                optimiser.step()
    return model


def logits_of(model, images):
    """float32 [m, 10]"""
    import torch

    with torch.no_grad():
        return model(flat(images)).numpy()


def predictor(model):
    return lambda images: logits_of(model, images).argmax(axis=1)
