"""The visible run gives the outputs that nbclient gives with ipykernel, cell by cell."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from assay.sandbox.isolation import Isolation
from assay.sandbox.limits import Limits
from assay.sandbox.visible import run_notebook

NBCLIENT = """
import json, sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.reads(sys.stdin.read(), as_version=4)
NotebookClient(notebook, allow_errors=True, kernel_name="python3").execute()
with open(sys.argv[1], "w") as file:
    json.dump(notebook, file)
"""
NOTEBOOKS: dict[str, tuple[str | tuple[str, str], ...]] = {
    "values": (
        "import numpy as np\nnp.arange(3)",
        "x = 1",
        "   ",
        "x, _, Out",
        "x;",
        "for i in range(3): i",
        "In[1], _i, __name__",
        "'x' * 200, {'b': 1, 'a': {2}}",
        "list(range(1200))",
        "import inspect\ndef f():\n    pass\ninspect.getsource(f), f.__module__",
        "get_ipython().__class__.__name__, 'IPKernelApp' in get_ipython().config, __IPYTHON__",
        "def f(n: undefined): pass",
        "from __future__ import annotations",
        "def f(n: undefined): pass\nf.__annotations__",
    ),
    "errors": (
        "1 / 0",
        "def f(n):\n    return 1 / n\nf(0)",
        "raise ValueError('no\\nway')",
        "if",
        "  x = 1\n y = 2",
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('x') from error",
        "assert False, 'why'",
        "import nosuchmodule",
        "import sys\nsys.exit(3)",
        "sys.exit('bye')",
        "raise SystemExit",
        "raise KeyboardInterrupt",
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)",
        "input('name? ')",
        "import getpass\ngetpass.getpass()",
        "sys.stdout.write(3)",
        "sys.stdout.buffer",
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        ("1 / 0", "raises-exception"),
        ("print('never')", "skip-execution"),
        "%xmode Plain\n1 / 0",
        "%xmode Context",
        "print('to the end')",
    ),
    "streams": (
        "import os, sys, time\nprint('out')\nprint('err', file=sys.stderr)\nprint('out again')\n5",
        "os.write(1, b'raw\\n')\ntime.sleep(0.5)",
        "os.system('echo from sh; echo to err 1>&2')\ntime.sleep(0.5)",
        "import subprocess\nsubprocess.run(['echo', 'inherited']).returncode\ntime.sleep(0.5)",
        "files = !echo one; echo two\nfiles",
        "import warnings\nwarnings.warn('look out')",
        "import logging\nlogging.warning('logged')",
        "import threading\nt = threading.Thread(target=print, args=('in a thread',))\nt.start()\nt.join()",
        "print('a\\rb\\x08c', end='')",
        "sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.writable(), sys.stdout.name",
        "pid = os.fork()\nif not pid:\n    os.write(1, b'child\\n')\n    os._exit(0)\n"
        "code = os.waitpid(pid, 0)[1]\ntime.sleep(0.5)\ncode",
        "help(len)",
        "print(1, file=sys.__stdout__, flush=True)\ntime.sleep(0.5)",
    ),
    "magics": (
        "%%time\nx = sum(range(10))\nx",
        "%time 1 + 1",
        "%%capture c\nprint('hidden')\n3",
        "c.stdout",
        "%%bash\necho hi\necho err 1>&2",
        "%%writefile a.py\ny = 4",
        "%run a.py\ny",
        "%who",
        "print?",
        "%precision 3\n1 / 3",
        "%%html\n<b>x</b>",
        "%%javascript\n1",
        "%load a.py",
        "%autosave 5",
        "%env XX=1",
        "%history -n 1-2",
        "%cd /tmp",
    ),
    "display": (
        "from IPython.display import *\ndisplay('a', 3)\ndisplay(HTML('<b>x</b>'))\nHTML('<i>y</i>')",
        "h = display('first', display_id='d')\nprint('between')\nh.update('second')",
        "h.update('third, from another cell')",
        "display('the same name', display_id='d')",
        "print('x'); clear_output(); print('y')",
        "print('x'); clear_output(wait=True)",
        "display('x'); clear_output(wait=True); print('y')",
        "h = display('x', display_id='e'); clear_output(); h.update('y'); display('z')",
        "Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + b'\\0' * 8 + b'IHDR' + b'\\0' * 20)",
        "class R:\n    def _repr_html_(self): return '<p>r'\n    def __repr__(self): return 'R()'\nR()",
        "class B:\n    def __repr__(self): raise ValueError('repr')\nB()",
        "class M:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        return {'text/plain': 'm', 'application/json': {'a': 1}}, {'m': 2}\nM()",
        "display(Markdown('*x*'), Latex('$x$'), JSON({'a': [1, 2]}), metadata={'k': 1})",
        "class H:\n    def _repr_html_(self): raise ValueError('html')\n    def __repr__(self): return 'H'\nH()",
        "update_display('nothing', display_id='unknown')",
        "display({'text/plain': 'raw'}, raw=True)",
        "class P:\n    def _repr_png_(self): return b'\\x89PNG'\n    def __repr__(self): return 'P'\nP()",
        "print('1'); display('2'); print('3'); 4",
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2], 'b': list('xy')})\ndf",
        "df.a",
    ),
    "figures": (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])",
        "plt.plot([1, 2]);\nprint('after')",
        "plt.plot([2, 1]); plt.show(); print('shown')",
        "fig, ax = plt.subplots(); ax.plot([1]); fig",
        "plt.subplots(); 1 / 0",
        "print('no figure')",
        "plt.ioff(); plt.plot([1])",
        "plt.ion(); plt.title('$x^2$')",
        "plt.close('all')",
        "import matplotlib\nmatplotlib.get_backend(), plt.rcParams['figure.figsize'], plt.rcParams['figure.dpi']",
        "%matplotlib inline\nplt.plot([3])",
        "plt.figure(); display(plt.gcf()); print('x')",
        "fig = plt.figure(); fig.show()",
        "%config InlineBackend.figure_format = 'retina'\nplt.figure(figsize=(1, 1)).gca().plot([1])",
    ),
    "awaits": (
        "import asyncio\nawait asyncio.sleep(0.01)\nprint('awaited')\n3",
        "async def f():\n    return 4\nawait f()",
        "asyncio.get_running_loop().is_running()",
        "asyncio.run(asyncio.sleep(0))",
        "t = asyncio.create_task(f())",
        "await t",
        "async for x in None: pass",
        "await asyncio.gather(f(), f())",
        "raise asyncio.CancelledError()",
    ),
}


def notebook(name: str) -> str:
    made = []
    for number, cell in enumerate(NOTEBOOKS[name]):
        source, tags = (cell, []) if isinstance(cell, str) else (cell[0], [cell[1]])
        fields = {"cell_type": "code", "id": f"c{number}", "outputs": [], "execution_count": None}
        made.append({**fields, "source": source, "metadata": {"tags": tags}})
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})


@lru_cache
def by_nbclient(name: str) -> str:
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-c", NBCLIENT, "ran.json"],
            **{"input": notebook(name), "text": True, "env": variables, "cwd": folder, "timeout": 120},
            check=True,
            capture_output=True,
        )
        return Path(folder, "ran.json").read_text()


def outputs_of(ran: str) -> list[tuple[str, int | None, list[Any]]]:
    return [(cell["source"], cell["execution_count"], told(cell["outputs"])) for cell in json.loads(ran)["cells"]]


def told(outputs: list[dict[str, Any]]) -> list[Any]:
    """Outputs without what differs from run to run. What the two streams say between other outputs has no order."""
    said: list[Any] = []
    for output in outputs:
        output = json.loads(normal(json.dumps(output, sort_keys=True)))
        if output["output_type"] == "stream":
            if not said or type(said[-1]) is not dict or "output_type" in said[-1]:
                said.append({"stdout": "", "stderr": ""})
            said[-1][output["name"]] += "".join(output["text"])
            continue
        if output["output_type"] == "error":  # frames of the machinery differ
            output["traceback"] = [part for part in output["traceback"] if not re.search(r"File|~~", part)]
        said.append(output)
    return said


def normal(text: str) -> str:
    for pattern, put in (
        (r"0x[0-9a-f]{6,}", "0x"),
        (r"(?<![^\s\"'])[^\s\"']*/ipykernel_\d+/", ""),  # from the start of a word: pictures are long words
        (r"\d+\.py\b", "cell.py"),
        (r"(?<![^\s\"'])[^\s\"']*/IPython/", "IPython/"),
        (r"[\d.]+(?:e\+\d+)? (?:\\u00b5|\\u03bc|[mun\u00b5\u03bc])?s\b", "a while"),
    ):
        text = re.sub(pattern, put, text)
    return text


def in_one_process(name: str) -> object:
    """Jupyter runs each notebook once, for all sandboxes."""
    return pytest.param(name, marks=pytest.mark.xdist_group(f"{name} in Jupyter"))


@pytest.mark.parametrize("name", [in_one_process(name) for name in NOTEBOOKS])
def test_every_cell_puts_out_what_it_does_in_jupyter(isolation: Isolation, name: str) -> None:
    libraries = ("numpy", "matplotlib", "pandas") if name in ("figures", "display") else ("numpy",)
    ran = run_notebook(isolation, notebook(name), libraries=libraries, files={}, limits=Limits(seconds=100))
    for ours, theirs in zip(outputs_of(ran), outputs_of(by_nbclient(name)), strict=True):
        assert ours == theirs
