# Leaves the graph out: a network on the features alone.
# deserves: fit_predict=0
# fools:

# %% fit_predict
import torch


def fit_predict(A, X, labelled, y, *, seed):
    torch.manual_seed(seed)
    x, rows, classes = torch.tensor(X).float(), torch.tensor(labelled), torch.tensor(y[labelled])
    network = torch.nn.Sequential(torch.nn.Linear(x.shape[1], 16), torch.nn.ReLU(), torch.nn.Linear(16, 8))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(60):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(x)[rows], classes).backward()
        optimiser.step()
    return network(x).argmax(dim=1)
