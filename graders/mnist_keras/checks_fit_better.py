"""Hidden checks of fit_better: what the network of the lecture does not reach."""

from assay.checks import *
from digits import digits
from reference import fit_better

# Over sixteen draws the reference reaches 0.945 to 0.969, the network of the lecture 0.81 to 0.914. With 2,000 images
# Wilson's interval takes 0.924 for 0.94, which is two points under the smallest.
TARGET = 0.94

training = Training(fit_better, digits, train=1500, held_out=2000, epochs=3)

check_better_some = learns_other_images(
    training,
    target=0.7,
    points=1,
    sentence="fit_better learns to name 70% of new images: digits turned in secret, with other names",
    hint="Learn from the images and labels that are passed, whatever they show.",
)
check_better_target = learns_other_images(
    training,
    target=TARGET,
    points=4,
    after=check_better_some,
    sentence=f"fit_better learns to name {TARGET:.1%} of new images, more than the network of the lecture",
    hint="More filters, a second convolution, BatchNormalization, a learning rate that falls: what helps in 3 epochs?",
)
check_better_batch = independent_of_batch(
    training,
    points=1,
    after=check_better_some,
    hint="BatchNormalization and Dropout have to know that they predict: training=False, or model.predict.",
)
