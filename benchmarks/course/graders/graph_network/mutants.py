"""Wrong answers, written with torch."""

import numpy as np
import torch

from assay.checks import mutant

seen = {}


# ---- gcn_layer -------------------------------------------------------------------------------------------------


def convolved(A, H, W):
    loops = torch.from_numpy(A) + torch.eye(len(A), dtype=torch.float64)
    scale = loops.sum(1).rsqrt()
    return scale[:, None] * (loops @ (scale[:, None] * (torch.from_numpy(H) @ torch.from_numpy(W))))


@mutant(of="gcn_layer", says="The self loops are missing: A + I.")
def layer_without_loops(A, H, W):
    A, H, W = (torch.from_numpy(array) for array in (A, H, W))
    scale = A.sum(1).clamp(min=1).rsqrt()
    return (scale[:, None] * A * scale @ H @ W).numpy()


@mutant(of="gcn_layer", says="You normalise rows only. The task asks for the symmetric normalisation.")
def layer_rows_only(A, H, W):
    loops = torch.from_numpy(A) + torch.eye(len(A), dtype=torch.float64)
    return (loops / loops.sum(1, keepdim=True) @ torch.from_numpy(H) @ torch.from_numpy(W)).numpy()


@mutant(of="gcn_layer", says="There is a ReLU. The task asks for the layer without activation.")
def layer_with_relu(A, H, W):
    return convolved(A, H, W).relu().numpy()


@mutant(of="gcn_layer", says="Nodes are weighted by their number. The order of nodes means nothing.")
def layer_by_number(A, H, W):
    return (convolved(A, H, W) * torch.arange(1, len(A) + 1)[:, None]).numpy()


@mutant(of="gcn_layer", says="from_numpy shares its memory: fill_diagonal_ writes into the caller's A.")
def layer_in_place(A, H, W):
    result = convolved(A, H, W).numpy()
    torch.from_numpy(A).fill_diagonal_(1)
    return result


@mutant(of="gcn_layer", says="There is dropout, and it is always on.")
def layer_with_dropout(A, H, W):
    return torch.nn.functional.dropout(convolved(A, H, W), 0.3).numpy()


@mutant(of="gcn_layer", says="That is computed in float16, whose largest number is 65504.")
def layer_in_half(A, H, W):
    loops = torch.from_numpy(A) + torch.eye(len(A), dtype=torch.float64)
    scale = loops.sum(1).rsqrt()
    product = (torch.from_numpy(H) @ torch.from_numpy(W)).half().double()
    return (scale[:, None] * (loops @ (scale[:, None] * product))).numpy()


# ---- cross_entropy ---------------------------------------------------------------------------------------------


@mutant(of="cross_entropy", says="The exponential overflows: use log_softmax, or subtract the largest logit first.")
def entropy_overflows(logits, labels):
    exponentials = torch.from_numpy(logits).exp()
    probabilities = exponentials / exponentials.sum(1, keepdim=True)
    return -probabilities[torch.arange(len(labels)), torch.from_numpy(labels)].log().mean().item()


@mutant(of="cross_entropy", says="The losses are added up. The task asks for their mean.")
def entropy_sum(logits, labels):
    return torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels), reduction="sum").item()


@mutant(of="cross_entropy", says="The softmax is taken twice: cross_entropy takes logits.")
def entropy_of_softmax(logits, labels):
    return torch.nn.functional.cross_entropy(torch.from_numpy(logits).softmax(1), torch.from_numpy(labels)).item()


@mutant(of="cross_entropy", says="nll_loss wants logarithms of probabilities, not logits.")
def entropy_of_logits(logits, labels):
    return torch.nn.functional.nll_loss(torch.from_numpy(logits), torch.from_numpy(labels)).item()


@mutant(of="cross_entropy", says="sub_ writes into the caller's logits.")
def entropy_in_place(logits, labels):
    shifted = torch.from_numpy(logits)
    shifted.sub_(shifted.max(1, keepdim=True).values)
    return torch.nn.functional.cross_entropy(shifted, torch.from_numpy(labels)).item()


@mutant(of="cross_entropy", says="You return a running mean of all losses so far.")
def entropy_running(logits, labels):
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels)).item()
    seen["losses"] = [*seen.get("losses", []), loss]
    return float(np.mean(seen["losses"]))


# ---- gradients -------------------------------------------------------------------------------------------------


def derived(X, W, b, labels, reduction="mean"):
    W, b = (torch.tensor(array, requires_grad=True) for array in (W, b))
    logits = torch.from_numpy(X) @ W + b
    torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels), reduction=reduction).backward()
    return W.grad.numpy(), b.grad.numpy()


@mutant(of="gradients", says="That is the gradient of the sum of the losses. The task asks for that of their mean.")
def gradients_of_sum(X, W, b, labels):
    return derived(X, W, b, labels, "sum")


@mutant(of="gradients", says="The bias is left out of the logits.")
def gradients_without_bias(X, W, b, labels):
    return derived(X, W, np.zeros_like(b), labels)


@mutant(of="gradients", says="The labels are not subtracted: the gradient is softmax minus one-hot.")
def gradients_without_labels(X, W, b, labels):
    X, W, b = (torch.from_numpy(array) for array in (X, W, b))
    error = (X @ W + b).softmax(1) / len(X)
    return (X.T @ error).numpy(), error.sum(0).numpy()


@mutant(of="gradients", says="Gradients are added to those of the call before: zero_grad is missing.")
def gradients_accumulate(X, W, b, labels):
    seen["calls"] = seen.get("calls", 0) + 1
    dW, db = derived(X, W, b, labels)
    return seen["calls"] * dW, seen["calls"] * db


@mutant(of="gradients", says="The step is taken too: the caller's W is changed.")
def gradients_in_place(X, W, b, labels):
    dW, db = derived(X, W, b, labels)
    torch.from_numpy(W).sub_(0.1 * torch.ones(W.shape, dtype=torch.float64))
    return dW, db


@mutant(of="gradients", says="The softmax overflows: subtract the largest logit of each row first.")
def gradients_overflow(X, W, b, labels):
    X, W, b = (torch.from_numpy(array) for array in (X, W, b))
    exponentials = (X @ W + b).exp()
    error = exponentials / exponentials.sum(1, keepdim=True)
    error = (error - torch.eye(len(b), dtype=torch.float64)[torch.from_numpy(labels)]) / len(X)
    return (X.T @ error).numpy(), error.sum(0).numpy()


# ---- momentum_step ---------------------------------------------------------------------------------------------


@mutant(of="momentum_step", says="You weigh the gradient with 1 - mu. Here nothing stands in front of g.")
def momentum_averaged(x, g, v, lr, mu):
    v = mu * torch.from_numpy(v) + (1 - mu) * torch.from_numpy(g)
    return (torch.from_numpy(x) - lr * v).numpy(), v.numpy()


@mutant(of="momentum_step", says="You step uphill.")
def momentum_uphill(x, g, v, lr, mu):
    v = mu * torch.from_numpy(v) + torch.from_numpy(g)
    return (torch.from_numpy(x) + lr * v).numpy(), v.numpy()


@mutant(of="momentum_step", says="You step with the old velocity. Update v first, then x.")
def momentum_old_velocity(x, g, v, lr, mu):
    return x - lr * v, (mu * torch.from_numpy(v) + torch.from_numpy(g)).numpy()


@mutant(of="momentum_step", says="mul_ and add_ write into the caller's v.")
def momentum_in_place(x, g, v, lr, mu):
    v = torch.from_numpy(v).mul_(mu).add_(torch.from_numpy(g))
    return (torch.from_numpy(x) - lr * v).numpy(), v.numpy().copy()


@mutant(of="momentum_step", says="The velocity of the call before is kept. Use the one that is passed.")
def momentum_remembers(x, g, v, lr, mu):
    kept = seen.get("velocity")
    v = v if kept is None or kept.shape != v.shape else v + 0.01 * kept
    seen["velocity"] = mu * v + g
    return x - lr * seen["velocity"], seen["velocity"].copy()


@mutant(of="momentum_step", says="The velocity is scaled by its length, and that overflows in float16.")
def momentum_scaled(x, g, v, lr, mu):
    v = mu * torch.from_numpy(v) + torch.from_numpy(g)
    length = (v.half() ** 2).sum().double().sqrt()
    v = v * length / v.norm().clamp(min=1e-9)
    return (torch.from_numpy(x) - lr * v).numpy(), v.numpy()
