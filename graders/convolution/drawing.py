"""How the arguments of the convolution are drawn: small, not square, and with a kernel that fits."""

from assay.checks import *

SIZES = {"n": (1, 2), "c": (1, 3), "f": (1, 3), "height": (1, 7), "width": (1, 7), "rows": (1, 3), "columns": (1, 3)}
LAW = 10  # examples of a check that few are enough for: laws, and arguments left alone


def fits(a):
    """Whether the kernel has at least one position."""
    return all(
        a["dilation"] * (k - 1) < n + 2 * a["padding"] for n, k in zip(a["x"].shape[2:], a["w"].shape[2:], strict=True)
    )


def layers(stride=(1, 1), padding=(0, 0), dilation=(1, 1), **sizes):
    """How the arguments of conv2d are drawn, with these ranges of its settings."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    ranges = {name: st.integers(*ends) for name, ends in settings.items()}
    return {"sizes": {**SIZES, **sizes}, "where": fits, **ranges}


ANY = {"stride": (1, 3), "padding": (0, 2), "dilation": (1, 3)}
