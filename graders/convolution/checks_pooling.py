"""Hidden checks of max_pool2d."""

from assay.checks import *
from drawing import LAW
from reference import max_pool2d

SIZES = {"n": (1, 2), "c": (1, 3), "height": (1, 7), "width": (1, 7)}
BRIGHT = Images["n c height width"]  # never negative, as after a ReLU


def leftover(a):
    """Pixels along both axes that no window reaches."""
    return [(n - a["k"]) % a["stride"] for n in a["x"].shape[2:]]


def has_windows(a):
    return min(a["x"].shape[2:]) >= a["k"]


ANY = {"k": st.integers(1, 3), "stride": st.integers(1, 3), "sizes": SIZES, "where": has_windows}


check_side_by_side = agrees_with(
    max_pool2d,
    points=2,
    sentence="max_pool2d is right for windows side by side",
    hint="Look at each channel of each image on its own. Height and width may differ.",
    x=BRIGHT,
    k=lambda sizes: st.just(sizes["k"]),
    stride=lambda sizes: st.just(sizes["k"]),
    sizes={**SIZES, "k": (1, 3)},
    where=lambda a: has_windows(a) and not any(leftover(a)),
)

check_overlap = agrees_with(
    max_pool2d,
    points=1,
    sentence="max_pool2d is right for windows that overlap or leave gaps",
    hint="Window (i, j) starts at row i * stride and column j * stride and has k rows and columns.",
    x=BRIGHT,
    k=st.integers(1, 3),
    stride=st.integers(1, 3),
    sizes={**SIZES, "height": (3, 7), "width": (3, 7)},
    where=lambda a: has_windows(a) and not any(leftover(a)) and a["k"] != a["stride"],
)

check_leftover = agrees_with(
    max_pool2d,
    points=1,
    sentence="max_pool2d drops windows that would reach over the border",
    hint="Round the size of the output down.",
    x=BRIGHT,
    k=st.integers(1, 3),
    stride=st.integers(2, 3),
    sizes={**SIZES, "height": (2, 7), "width": (2, 7)},
    where=lambda a: has_windows(a) and any(leftover(a)),
)


def darken(a, rng):
    step = float(rng.choice([7, 1000]))
    return {**a, "x": a["x"] - step}, lambda y: y - step


check_darker = law(
    max_pool2d,
    "max_pool2d of darker images is as much darker, negative pixels included",
    darken,
    points=1,
    hint="What does your maximum start with? All pixels of a window may be negative.",
    after=check_side_by_side,
    x=BRIGHT,
    **ANY,
)

check_pool_purity = leaves_inputs_alone(max_pool2d, points=1, after=check_side_by_side, examples=LAW, **ANY)

check_increasing = law(
    max_pool2d,
    "the maximum may be taken before or after an increasing function",
    lambda a, rng: ({**a, "x": np.exp(a["x"])}, np.exp),
    hint="max(exp(a), exp(b)) = exp(max(a, b)), for negative numbers too.",
    after=check_side_by_side,
    examples=LAW,
    **ANY,
)


@check(
    "every number that max_pool2d gives is a pixel of its channel",
    task="max_pool2d",
    hint="A maximum is one of the numbers that it is taken of.",
    after=check_side_by_side,
    examples=LAW,
)
@given(inputs_of(max_pool2d, **ANY))
def check_among_pixels(student, a):
    got = student.max_pool2d(*a.values())
    pixels = a["x"].reshape(*a["x"].shape[:2], 1, 1, -1)
    nearest = np.abs(pixels - got[..., None]).argmin(axis=-1)
    assert_close(got, np.take_along_axis(pixels, nearest[..., None], axis=-1)[..., 0])


@check(
    "windows of one pixel at stride 1 give the image back",
    task="max_pool2d",
    hint="The maximum of a single number is that number, negative or not.",
    after=check_side_by_side,
    examples=LAW,
)
@given(inputs_of(max_pool2d, k=st.just(1), stride=st.just(1), sizes=SIZES))
def check_single_pixels(student, a):
    assert_close(student.max_pool2d(*a.values()), a["x"])
