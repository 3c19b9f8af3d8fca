"""Right answers written differently. All of them must get every point."""

import numpy as np
from networks import classifier, perceptron, sequential
from reference import trained

from assay.checks import alternative


@alternative(of="build_model")
def with_the_functional_interface():
    import keras

    inputs = keras.Input((28, 28, 1))
    maps = keras.layers.Conv2D(filters=8, kernel_size=(3, 3), activation="relu")(inputs)
    flat = keras.layers.Flatten()(keras.layers.MaxPooling2D(pool_size=(2, 2))(maps))
    hidden = keras.layers.Dense(16, activation="relu")(flat)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(hidden))


@alternative(of="build_model")
def with_activations_as_layers():
    from keras import layers

    convolution = (layers.Conv2D(8, 3), layers.ReLU(), layers.MaxPooling2D(), layers.Flatten())
    return sequential(*convolution, layers.Dense(16), layers.Activation("relu"), layers.Dense(10), layers.Softmax())


@alternative(of="build_model")
def pooled_before_the_activation():
    from keras import layers

    convolution = (layers.Conv2D(8, 3), layers.MaxPool2D(2, 2), layers.ReLU(), layers.Reshape((13 * 13 * 8,)))
    return sequential(*convolution, layers.Dense(16, activation="relu"), layers.Dense(10, activation="softmax"))


@alternative(of="build_model")
def compiled_and_with_dropout():
    import keras

    model = keras.models.Sequential()
    model.add(keras.layers.InputLayer((28, 28, 1)))
    model.add(keras.layers.Conv2D(8, 3, activation="relu", kernel_initializer="he_normal"))
    model.add(keras.layers.MaxPooling2D())
    model.add(keras.layers.Dropout(0.2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(16, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@alternative(of="fit")
def with_model_fit(images, labels, *, seed, epochs):
    import keras

    keras.utils.set_random_seed(seed)
    model = with_the_functional_interface()
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images[..., np.newaxis], labels, batch_size=50, epochs=epochs, verbose=0)
    return lambda images: model.predict(images[..., np.newaxis], batch_size=500, verbose=0).argmax(axis=1)


@alternative(of="fit")
def batch_by_batch(images, labels, *, seed, epochs):
    import keras

    keras.utils.set_random_seed(seed)
    model = sequential(keras.layers.Flatten(), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10))
    model.compile(keras.optimizers.Adam(0.003), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(images)), -(-len(images) // 50)):
            model.train_on_batch(images[batch], labels[batch])
    return lambda images: model.predict_on_batch(images).argmax(axis=1)


@alternative(of="fit")
def in_tensorflow_alone(images, labels, *, seed, epochs):
    import tensorflow as tf

    generator = tf.random.Generator.from_seed(seed)
    first = tf.Variable(generator.normal((784, 64), stddev=0.05))
    second = tf.Variable(generator.normal((64, 10), stddev=0.1))

    def scores(images):
        return tf.nn.relu(tf.reshape(images, (len(images), 784)) @ first) @ second

    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(images))
        for batch in np.split(order, range(20, len(order), 20)):
            with tf.GradientTape() as tape:
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels[batch], scores(images[batch]))
            for weights, slope in zip((first, second), tape.gradient(loss, (first, second)), strict=True):
                weights.assign_sub(slope * 0.2 / len(batch))
    return lambda images: tf.argmax(scores(tf.constant(images)), axis=1)


@alternative(of="fit")
def in_numpy(images, labels, *, seed, epochs):
    return classifier(perceptron(images, labels, seed=seed, epochs=epochs, rate=0.2, size=15))


@alternative(of="fit_better")
def with_two_convolutions(images, labels, *, seed, epochs):
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    first = (layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D())
    second = (layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten())
    model = sequential(*first, *second, layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax"))
    return trained(model, images, labels, seed=seed, epochs=epochs, rate=0.004)


@alternative(of="fit_better")
def with_model_fit_and_normalisation(images, labels, *, seed, epochs):
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    first = (layers.Conv2D(16, 3, activation="relu"), layers.BatchNormalization(momentum=0.8), layers.MaxPooling2D())
    second = (layers.Conv2D(24, 3, activation="relu"), layers.BatchNormalization(momentum=0.8), layers.MaxPooling2D())
    model = sequential(*first, *second, layers.Flatten(), layers.Dropout(0.1), layers.Dense(10, activation="softmax"))
    model.compile(keras.optimizers.Adam(0.006), "sparse_categorical_crossentropy")
    model.fit(images[..., None], labels, batch_size=32, epochs=epochs, verbose=0)
    return lambda images: model.predict(images[..., None], batch_size=500, verbose=0).argmax(axis=1)


@alternative(of="fit_better")
def with_large_filters(images, labels, *, seed, epochs):
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    first = (layers.Conv2D(16, 5, activation="relu"), layers.MaxPooling2D(), layers.BatchNormalization(momentum=0.9))
    second = (layers.Conv2D(24, 5, activation="relu"), layers.MaxPooling2D(), layers.BatchNormalization(momentum=0.9))
    model = sequential(*first, *second, layers.Flatten(), layers.Dense(10, activation="softmax"))
    return trained(model, images, labels, seed=seed, epochs=epochs, rate=0.008, falls=True)


@alternative(of="fit_better")
def longer_than_an_epoch_says(images, labels, *, seed, epochs):
    """The network of the lecture with more filters, and two passes an epoch, of which one is over shifted images."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    shifts = np.random.default_rng(seed).integers(-1, 2, (len(images), 2))
    shifted = [np.roll(image, shift, axis=(0, 1)) for image, shift in zip(images, shifts, strict=True)]
    first = (layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D())
    second = (layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten())
    model = sequential(*first, *second, layers.Dense(48, activation="relu"), layers.Dense(10, activation="softmax"))
    images, labels = np.concatenate([images, np.stack(shifted)]), np.concatenate([labels, labels])
    return trained(model, images, labels, seed=seed, epochs=epochs, rate=0.005, size=48)
