"""Right answers, written with torch."""

import torch

from assay.checks import alternative


@alternative(of="gcn_layer")
def layer_with_torch(A, H, W):
    A, H, W = (torch.from_numpy(array) for array in (A, H, W))
    loops = A + torch.eye(len(A), dtype=A.dtype)
    scale = loops.sum(dim=1).rsqrt()
    return (scale[:, None] * loops * scale @ H @ W).numpy()


@alternative(of="gcn_layer")
def layer_by_edges(A, H, W):
    loops = torch.from_numpy(A) + torch.eye(len(A), dtype=torch.float64)
    to, source = loops.nonzero(as_tuple=True)
    degree = loops.sum(dim=1)
    messages = (torch.from_numpy(H) @ torch.from_numpy(W))[source] / (degree[to] * degree[source]).sqrt()[:, None]
    return torch.zeros(len(A), W.shape[1], dtype=torch.float64).index_add(0, to, messages).numpy()


@alternative(of="cross_entropy")
def entropy_with_torch(logits, labels):
    return torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels)).item()


@alternative(of="cross_entropy")
def entropy_by_log_sum_exp(logits, labels):
    logits, labels = torch.from_numpy(logits), torch.from_numpy(labels)
    return float((logits.logsumexp(dim=1) - logits.gather(1, labels[:, None])[:, 0]).mean())


@alternative(of="gradients")
def gradients_by_autograd(X, W, b, labels):
    W, b = (torch.tensor(array, requires_grad=True) for array in (W, b))
    torch.nn.functional.cross_entropy(torch.from_numpy(X) @ W + b, torch.from_numpy(labels)).backward()
    return W.grad.numpy(), b.grad.numpy()


@alternative(of="gradients")
def gradients_by_layer(X, W, b, labels):
    layer = torch.nn.Linear(*W.shape, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(W.T.copy()))
        layer.bias.copy_(torch.from_numpy(b))
    loss = torch.nn.functional.cross_entropy(layer(torch.from_numpy(X)), torch.from_numpy(labels))
    dW, db = torch.autograd.grad(loss, list(layer.parameters()))
    return dW.T.contiguous().numpy(), db.numpy()


@alternative(of="momentum_step")
def momentum_with_torch(x, g, v, lr, mu):
    v = mu * torch.from_numpy(v) + torch.from_numpy(g)
    return (torch.from_numpy(x) - lr * v).numpy(), v.numpy()


@alternative(of="momentum_step")
def momentum_by_lerp(x, g, v, lr, mu):
    v = torch.add(torch.from_numpy(g), torch.from_numpy(v), alpha=mu)
    return torch.add(torch.from_numpy(x), v, alpha=-lr).numpy(), v.numpy()
