"""Wrong answers, written with TensorFlow."""

import numpy as np
import tensorflow as tf

from assay.checks import mutant

seen = {}


# ---- dense -----------------------------------------------------------------------------------------------------


@mutant(of="dense", says="The ReLU is missing.")
def dense_without_relu(x, W, b):
    return tf.matmul(x, W) + b


@mutant(of="dense", says="The bias is missing.")
def dense_without_bias(x, W, b):
    return tf.nn.relu(tf.matmul(x, W))


@mutant(of="dense", says="The batch is centred first. Every row is treated on its own.")
def dense_centred(x, W, b):
    return tf.nn.relu(tf.matmul(x - tf.reduce_mean(x, axis=0), W) + b)


@mutant(of="dense", says="The caller's b is changed: b += ... writes into it.")
def dense_in_place(x, W, b):
    result = tf.nn.relu(tf.matmul(x, W) + b)
    b += 1
    return result


@mutant(of="dense", says="There is dropout, and it is always on.")
def dense_with_dropout(x, W, b):
    return tf.nn.dropout(tf.nn.relu(tf.matmul(x, W) + b) + 0.5, 0.3)


@mutant(of="dense", says="That is computed in float16, whose largest number is 65504.")
def dense_in_half(x, W, b):
    return tf.cast(tf.cast(tf.nn.relu(tf.matmul(x, W) + b), tf.float16), tf.float64)


# ---- cross_entropy ---------------------------------------------------------------------------------------------


@mutant(of="cross_entropy", says="The exponential overflows: subtract the largest logit of each row first.")
def entropy_overflows(logits, labels):
    exponentials = tf.exp(tf.constant(logits))
    probabilities = exponentials / tf.reduce_sum(exponentials, axis=1, keepdims=True)
    return -tf.reduce_mean(tf.math.log(tf.gather(probabilities, labels, batch_dims=1)))


@mutant(of="cross_entropy", says="The losses are added up. The task asks for their mean.")
def entropy_sum(logits, labels):
    return tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


@mutant(of="cross_entropy", says="The softmax is taken twice.")
def entropy_of_softmax(logits, labels):
    twice = tf.nn.softmax(logits)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=twice))


@mutant(of="cross_entropy", says="The softmax is missing: you average the logits of the labels.")
def entropy_without_softmax(logits, labels):
    return -tf.reduce_mean(tf.gather(tf.constant(logits), labels, batch_dims=1))


@mutant(of="cross_entropy", says="logits -= ... changes the caller's array.")
def entropy_in_place(logits, labels):
    logits -= logits.max(axis=1, keepdims=True)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


@mutant(of="cross_entropy", says="You return a running mean of all losses so far.")
def entropy_running(logits, labels):
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
    seen["losses"] = [*seen.get("losses", []), float(loss)]
    return float(np.mean(seen["losses"]))


# ---- gradient --------------------------------------------------------------------------------------------------


def derived(X, W, labels, together=tf.reduce_mean):
    weights = tf.Variable(W)
    with tf.GradientTape() as tape:
        logits = tf.matmul(X, weights)
        loss = together(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
    return tape.gradient(loss, weights)


@mutant(of="gradient", says="That is the gradient of the sum of the losses. The task asks for that of their mean.")
def gradient_of_sum(X, W, labels):
    return derived(X, W, labels, tf.reduce_sum)


@mutant(of="gradient", says="The labels are not subtracted: the error is softmax minus one-hot.")
def gradient_without_labels(X, W, labels):
    return tf.matmul(X.T / len(X), tf.nn.softmax(tf.matmul(X, W)))


@mutant(of="gradient", says="The gradient points downhill: you return minus it.")
def gradient_negative(X, W, labels):
    return -derived(X, W, labels)


@mutant(of="gradient", says="Gradients are added to those of the call before.")
def gradient_accumulates(X, W, labels):
    seen["calls"] = seen.get("calls", 0) + 1
    return seen["calls"] * derived(X, W, labels)


@mutant(of="gradient", says="The step is taken too: the caller's W is changed.")
def gradient_in_place(X, W, labels):
    result = derived(X, W, labels)
    W -= 0.1
    return result


@mutant(of="gradient", says="The softmax overflows: subtract the largest logit of each row first.")
def gradient_overflows(X, W, labels):
    exponentials = tf.exp(tf.matmul(X, W))
    error = exponentials / tf.reduce_sum(exponentials, axis=1, keepdims=True)
    return tf.matmul(X.T / len(X), error - tf.one_hot(labels, W.shape[1], dtype=tf.float64))


# ---- rmsprop_step ----------------------------------------------------------------------------------------------


@mutant(of="rmsprop_step", says="The root is missing: divide by the root of v.")
def rmsprop_without_root(x, g, v, lr, rho):
    v = rho * tf.constant(v) + (1 - rho) * tf.square(g)
    return x - lr * g / v, v


@mutant(of="rmsprop_step", says="You step uphill.")
def rmsprop_uphill(x, g, v, lr, rho):
    v = rho * tf.constant(v) + (1 - rho) * tf.square(g)
    return x + lr * g / tf.sqrt(v), v


@mutant(of="rmsprop_step", says="rho and 1 - rho are swapped: rho is what survives of the average.")
def rmsprop_swapped(x, g, v, lr, rho):
    v = (1 - rho) * tf.constant(v) + rho * tf.square(g)
    return x - lr * g / tf.sqrt(v), v


@mutant(of="rmsprop_step", says="There is a pull towards 0, weight decay, that the task does not ask for.")
def rmsprop_with_decay(x, g, v, lr, rho):
    v = rho * tf.constant(v) + (1 - rho) * tf.square(g)
    return 0.9 * x - lr * g / tf.sqrt(v), v


@mutant(of="rmsprop_step", says="v *= ... changes the caller's array.")
def rmsprop_in_place(x, g, v, lr, rho):
    v *= rho
    v = tf.constant(v) + (1 - rho) * tf.square(g)
    return x - lr * g / tf.sqrt(v), v


@mutant(of="rmsprop_step", says="The average of the call before is kept. Use the one that is passed.")
def rmsprop_remembers(x, g, v, lr, rho):
    seen["steps"] = seen.get("steps", 0) + 1
    v = rho * tf.constant(v) + (1 - rho) * tf.square(g) + 0.001 * seen["steps"]
    return x - lr * g / tf.sqrt(v), v


@mutant(of="rmsprop_step", says="The square of g is computed in float16, whose largest number is 65504.")
def rmsprop_in_half(x, g, v, lr, rho):
    v = rho * tf.constant(v) + (1 - rho) * tf.cast(tf.square(tf.cast(g, tf.float16)), tf.float64)
    return x - lr * g / tf.sqrt(v), v
