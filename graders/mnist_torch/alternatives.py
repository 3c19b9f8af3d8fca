"""Right answers written differently. All of them must get every point."""

import math

import numpy as np

from assay.checks import alternative


@alternative(of="minibatches")
def by_splitting(n, size, seed):
    return np.split(np.random.default_rng(seed).permutation(n), range(size, n, size))


@alternative(of="minibatches")
def by_shuffling_in_place(n, size, seed):
    order = np.arange(n)
    np.random.default_rng(seed).shuffle(order)
    batches = []
    while len(order):
        batches.append(order[:size])
        order = order[size:]
    return batches


@alternative(of="minibatches")
def by_torch(n, size, seed):
    import torch

    return torch.randperm(n, generator=torch.Generator().manual_seed(seed)).split(size)


@alternative(of="minibatches")
def by_pythons_random(n, size, seed):
    import random

    order = random.Random(seed).sample(range(n), n)
    return [np.array(order[start : start + size]) for start in range(0, n, size)]


@alternative(of="minibatches")
def by_sorting_noise(n, size, seed):
    order = np.argsort(np.random.RandomState(seed).rand(n))
    return tuple(order[i * size : (i + 1) * size] for i in range(math.ceil(n / size)))


@alternative(of="cross_entropy")
def by_torch_functional(logits, labels):
    import torch

    return torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels)).item()


@alternative(of="cross_entropy")
def by_torch_nll(logits, labels):
    import torch

    return -torch.log_softmax(torch.from_numpy(logits), dim=1)[
        torch.arange(len(labels)), torch.from_numpy(labels)
    ].mean()


@alternative(of="cross_entropy")
def by_logaddexp(logits, labels):
    return np.mean(np.logaddexp.reduce(logits, axis=1) - np.take_along_axis(logits, labels[:, None], axis=1)[:, 0])


@alternative(of="cross_entropy")
def by_rows(logits, labels):
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        largest = max(row)
        total += largest - row[label] + math.log(sum(math.exp(z - largest) for z in row))
    return total / len(labels)


@alternative(of="cross_entropy")
def by_one_hot(logits, labels):
    one_hot = np.eye(logits.shape[1])[labels]
    top = logits.max(axis=1, keepdims=True)
    log_softmax = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    return -(one_hot * log_softmax).sum() / len(logits)


@alternative(of="fit")
def by_momentum(images, labels, *, seed, epochs):
    import torch

    generator = torch.Generator().manual_seed(seed)
    first = (torch.randn(784, 100, generator=generator) / 28).requires_grad_()
    second = (torch.randn(100, 10, generator=generator) / 10).requires_grad_()
    optimiser = torch.optim.SGD([first, second], lr=0.1, momentum=0.8)
    flat, targets = torch.tensor(images).flatten(1), torch.tensor(labels)
    for _ in range(epochs):
        for batch in torch.randperm(len(flat), generator=generator).split(32):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy((flat[batch] @ first).relu() @ second, targets[batch]).backward()
            optimiser.step()
    return lambda images: ((torch.tensor(images).flatten(1) @ first).relu() @ second).argmax(dim=1)


@alternative(of="fit")
def by_convolution(images, labels, *, seed, epochs):
    import torch
    from torch import nn

    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12 * 49, 10)
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    pictures, targets = torch.tensor(images)[:, None], torch.tensor(labels)
    for _ in range(epochs):
        for batch in torch.randperm(len(pictures)).split(50):
            model.zero_grad()
            nn.functional.cross_entropy(model(pictures[batch]), targets[batch]).backward()
            optimiser.step()
    return lambda images: model(torch.tensor(images)[:, None]).argmax(dim=1)


@alternative(of="fit")
def by_normalised_batches(images, labels, *, seed, epochs):
    import torch
    from torch import nn

    torch.manual_seed(seed)
    mean, deviation = images.mean(), images.std()  # of the training images, for ever
    layers = (nn.Linear(784, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    model = nn.Sequential(nn.Flatten(), *layers)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.005)
    inputs, targets = torch.tensor((images - mean) / deviation), torch.tensor(labels)
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(inputs)).split(50):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(inputs[batch]), targets[batch]).backward()
            optimiser.step()
    model.eval()

    @torch.no_grad()
    def predict(images):
        return model(torch.tensor((images - mean) / deviation)).argmax(dim=1).numpy()

    return predict


@alternative(of="fit")
def by_data_loader(images, labels, *, seed, epochs):
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = torch.nn.Linear(784, 80)
            self.output = torch.nn.Linear(80, 10)

        def forward(self, images):
            return self.output(torch.tanh(self.hidden(images.view(-1, 784))))

    torch.manual_seed(seed)
    model = Network()
    dataset = TensorDataset(torch.tensor(images), torch.tensor(labels))
    loader = DataLoader(dataset, batch_size=25, shuffle=True, generator=torch.Generator().manual_seed(seed))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.15)
    for _ in range(epochs):
        for inputs, targets in loader:
            loss = torch.nn.CrossEntropyLoss()(model(inputs), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return lambda images: np.concatenate(
        [model(torch.tensor(part)).detach().numpy().argmax(axis=1) for part in np.array_split(images, len(images))]
    )


@alternative(of="fit")
def by_numpy(images, labels, *, seed, epochs):
    """No library at all: gradients by hand."""
    rng = np.random.default_rng(seed)
    x = images.reshape(len(images), -1)
    first, second = rng.normal(0, 0.05, (784, 64)), rng.normal(0, 0.1, (64, 10))
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(x)), math.ceil(len(x) / 25)):
            hidden = np.maximum(x[batch] @ first, 0)
            scores = hidden @ second
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
            scores /= scores.sum(axis=1, keepdims=True)
            scores[np.arange(len(batch)), labels[batch]] -= 1
            back = scores @ second.T * (hidden > 0)
            second -= 0.15 * hidden.T @ scores / len(batch)
            first -= 0.15 * x[batch].T @ back / len(batch)
    return lambda images: (np.maximum(images.reshape(len(images), -1) @ first, 0) @ second).argmax(axis=1)
