"""Wrong networks."""

from networks import lecture, sequential

from assay.checks import mutant

KEPT = []


@mutant(of="build_model", says="The convolution is padded (padding='same'): 14 x 14 places are left, not 13 x 13.")
def padded():
    return lecture(padding="same")


@mutant(of="build_model", says="There is no max pooling: the dense layer sees all 26 x 26 places.")
def without_pooling():
    return lecture(pooling=None)


@mutant(of="build_model", says="The convolution takes steps of two (strides=2), which leaves a quarter of the places.")
def with_strides():
    return lecture(strides=2)


@mutant(of="build_model", says="The images have three channels; digits have one: Input((28, 28, 1)).")
def in_colour():
    return lecture(shape=(28, 28, 3))


@mutant(of="build_model", says="The convolution has 16 filters; the lecture has 8.")
def with_more_filters():
    return lecture(filters=16)


@mutant(of="build_model", says="The filters are 5 x 5; the lecture's are 3 x 3.")
def with_larger_filters():
    return lecture(kernel=5)


@mutant(of="build_model", says="The dense layer has 32 units; the lecture's has 16.")
def with_more_units():
    return lecture(units=32)


@mutant(of="build_model", says="The convolution has no bias.")
def without_bias():
    return lecture(use_bias=False)


@mutant(of="build_model", says="The mean of 2 x 2 values is pooled; max pooling takes the largest.")
def with_means():
    return lecture(pooling="AveragePooling2D")


@mutant(of="build_model", says="The convolution has no activation: without ReLU it is a linear function of the image.")
def linear_convolution():
    return lecture(first=None)


@mutant(of="build_model", says="The dense layer has no activation: two dense layers in a row are then only one.")
def linear_dense():
    return lecture(second=None)


@mutant(of="build_model", says="The last layer has no softmax: its outputs are any numbers, not probabilities.")
def without_softmax():
    return lecture(last=None)


@mutant(of="build_model", says="The last layer has a sigmoid for each class: its outputs do not add up to 1.")
def with_sigmoids():
    return lecture(last="sigmoid")


@mutant(of="build_model", says="The last layer has a ReLU: its outputs are no probabilities, and can be zero for good.")
def with_relu_at_the_end():
    return lecture(last="relu")


@mutant(of="build_model", says="The dense layer has a sigmoid; the lecture's has a ReLU.")
def with_sigmoid_inside():
    return lecture(second="sigmoid")


@mutant(of="build_model", says="The softmax runs over the images of the batch (axis=0), not over the classes.")
def softmax_over_the_batch():
    from keras import layers

    convolution, pooling = layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D()
    dense = (layers.Dense(16, activation="relu"), layers.Dense(10), layers.Softmax(axis=0))
    return sequential(convolution, pooling, layers.Flatten(), *dense)


@mutant(of="build_model", says="The network is made once and handed out again: two trainings would share its weights.")
def one_for_all():
    if not KEPT:
        KEPT.append(lecture())
    return KEPT[0]


@mutant(of="build_model", says="All weights begin at zero: every filter gets the same gradient, so they stay the same.")
def of_zeros():
    return lecture(kernel_initializer="zeros", dense={"kernel_initializer": "zeros"})


@mutant(of="build_model", says="The seed is set inside, so that every network begins with the same weights.")
def with_a_seed():
    import keras

    keras.utils.set_random_seed(0)
    return lecture()


@mutant(of="build_model", says="The filters cannot be trained (trainable=False): they stay as they were drawn.")
def frozen():
    return lecture(trainable=False)
