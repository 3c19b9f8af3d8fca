"""Wrong answers to fit: mistakes of the training."""

import numpy as np

from assay.checks import mutant
from network import adam, descent, flat, logits_of, loss_of, new_model, predictor, train


@mutant(of="fit", says="There is one pass through the data, whatever epochs says: where is the outer loop?")
def one_epoch(images, labels, *, seed, epochs):
    return predictor(train(new_model(seed), flat(images), labels, seed=seed, epochs=1))


@mutant(of="fit", says="The number of epochs is fixed in the code; take it from the argument.")
def always_ten_epochs(images, labels, *, seed, epochs):
    return predictor(train(new_model(seed), flat(images), labels, seed=seed, epochs=10))


@mutant(of="fit", says="zero_grad is missing: the gradients of all batches so far add up.")
def gradients_add_up(images, labels, *, seed, epochs):
    model = new_model(seed)
    return predictor(
        train(model, flat(images), labels, seed=seed, epochs=epochs, optimiser=descent(model, 0.3), clear=False)
    )


@mutant(
    of="fit", says="cross_entropy takes the softmax itself. After yours the gradients are tiny, and it learns slowly."
)
def softmax_twice(images, labels, *, seed, epochs):
    import torch

    model = new_model(seed)
    return predictor(
        train(
            model,
            flat(images),
            labels,
            seed=seed,
            epochs=epochs,
            optimiser=descent(model),
            loss=lambda z, y: loss_of(torch.softmax(z, dim=1), y),
        )
    )


@mutant(of="fit", says="Only the first batch is trained on, again and again. Is there a return within the loop?")
def first_batch_only(images, labels, *, seed, epochs):
    return predictor(train(new_model(seed), flat(images)[:50], labels[:50], seed=seed, epochs=epochs))


@mutant(of="fit", says="Images and labels are shuffled apart from each other; use one order for both.")
def shuffled_apart(images, labels, *, seed, epochs):
    rng = np.random.default_rng(seed)
    return predictor(train(new_model(seed), flat(images), rng.permutation(labels), seed=seed, epochs=epochs))


@mutant(of="fit", says="The network has nine outputs. Digits from 0 to 9 are ten classes.")
def nine_classes(images, labels, *, seed, epochs):
    return predictor(train(new_model(seed, outputs=9), flat(images), labels, seed=seed, epochs=epochs))


@mutant(of="fit", says="The last class is left out when the largest logit is looked for.")
def forgets_the_nine(images, labels, *, seed, epochs):
    model = train(new_model(seed), flat(images), labels, seed=seed, epochs=epochs)
    return lambda images: logits_of(model, images)[:, :9].argmax(axis=1)


@mutant(of="fit", says="The learning rate is far too small: after eight epochs the loss has hardly moved.")
def creeps(images, labels, *, seed, epochs):
    model = new_model(seed)
    return predictor(train(model, flat(images), labels, seed=seed, epochs=epochs, optimiser=adam(model, 2e-5)))


@mutant(of="fit", says="The learning rate is far too large: the loss jumps about, or becomes nan.")
def leaps(images, labels, *, seed, epochs):
    model = new_model(seed)
    return predictor(train(model, flat(images), labels, seed=seed, epochs=epochs, optimiser=descent(model, 30.0)))


@mutant(of="fit", says="optimiser.step() is missing: there are gradients, but no weight ever changes.")
def never_steps(images, labels, *, seed, epochs):
    return predictor(train(new_model(seed), flat(images), labels, seed=seed, epochs=epochs, step=False))


@mutant(of="fit", says="The optimiser holds the weights of another model, so yours never change.")
def trains_another_model(images, labels, *, seed, epochs):
    model = new_model(seed)
    other = adam(new_model(seed))
    return predictor(train(model, flat(images), labels, seed=seed, epochs=epochs, optimiser=other))


@mutant(
    of="fit", says="The loss is minimised with the sign turned round: the network learns to avoid the right answers."
)
def climbs(images, labels, *, seed, epochs):
    model = new_model(seed)
    return predictor(
        train(model, flat(images), labels, seed=seed, epochs=epochs, loss=lambda z, y: -loss_of(z, y).clamp(max=50))
    )


@mutant(of="fit", says="The pixels were made whole numbers, so that nearly all of them are 0.")
def whole_numbers(images, labels, *, seed, epochs):
    model = train(new_model(seed), flat(images.astype(int)), labels, seed=seed, epochs=epochs)
    return lambda images: logits_of(model, images.astype(int)).argmax(axis=1)


@mutant(of="fit", says="reshape(784, -1).T puts pixels of many images into one row. Use flatten(1) or reshape(n, -1).")
def mixes_images(images, labels, *, seed, epochs):
    def rows(images):
        return images.reshape(784, -1).T.reshape(-1, 28, 28)

    model = train(new_model(seed), flat(rows(images)), labels, seed=seed, epochs=epochs)
    return lambda images: logits_of(model, rows(images)).argmax(axis=1)


@mutant(of="fit", says="One output is trained to equal the digit. But a 9 is not three times a 3: use ten classes.")
def digits_as_numbers(images, labels, *, seed, epochs):
    import torch

    model = new_model(seed, outputs=1)
    train(
        model,
        flat(images),
        labels,
        seed=seed,
        epochs=epochs,
        loss=lambda z, y: torch.nn.functional.mse_loss(z[:, 0], y.float()),
    )
    return lambda images: logits_of(model, images)[:, 0].round().clip(0, 9).astype(np.int64)


@mutant(of="fit", says="Nothing is seeded: the same seed gives another network each time.")
def unseeded(images, labels, *, seed, epochs):
    drawn = int(np.random.default_rng().integers(2**31))
    return predictor(train(new_model(drawn), flat(images), labels, seed=drawn, epochs=epochs))


@mutant(of="fit", says="The batches follow from the seed and the first weights do not: seed before the model is made.")
def seeded_too_late(images, labels, *, seed, epochs):
    drawn = int(np.random.default_rng().integers(2**31))
    return predictor(train(new_model(drawn), flat(images), labels, seed=seed, epochs=epochs))


@mutant(of="fit", says="The seed is always the same one; use the one that is passed.")
def fixed_seed(images, labels, *, seed, epochs):
    return predictor(train(new_model(0), flat(images), labels, seed=0, epochs=epochs))


@mutant(of="fit", says="images -= images.mean() changes the caller's array. Write images = images - images.mean().")
def centres_in_place(images, labels, *, seed, epochs):
    mean = images.mean()
    images -= mean
    model = train(new_model(seed), flat(images), labels, seed=seed, epochs=epochs)
    return lambda images: logits_of(model, images - mean).argmax(axis=1)
