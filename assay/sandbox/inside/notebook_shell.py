"""IPython as a notebook's kernel has it, without the kernel: what ipykernel changes of it, and nothing that it sends.

Names, texts and order are ipykernel's (version 7), so that a notebook looks as it does in Jupyter.
"""

from __future__ import annotations

import builtins
import getpass
import inspect
import os
import pdb
import subprocess
import sys
import tempfile
import zlib
from typing import Any, NoReturn

from IPython.core import debugger, page
from IPython.core.application import ProfileDir
from IPython.core.autocall import ZMQExitAutocall
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError, UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.display import Javascript, display
from IPython.utils.process import system
from traitlets import Instance, Type, default
from traitlets.config import Config

from .notebook_outputs import Outputs

ENVIRONMENT = {  # of the cells, and of what they start
    "TERM": "xterm-color",
    "CLICOLOR": "1",
    "FORCE_COLOR": "1",
    "CLICOLOR_FORCE": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
}


class Hook(DisplayHook):
    """The value of a cell's last expression becomes an output."""

    outputs: Outputs | None = None
    shown: tuple[Any, Any] | None = None  # data and metadata

    def start_displayhook(self) -> None:
        self.shown = None

    def write_output_prompt(self) -> None:
        """The execution count is known."""

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        self.shown = format_dict, md_dict

    def finish_displayhook(self) -> None:
        if self.outputs is not None and self.shown is not None and self.shown[0]:
            self.outputs.show("execute_result", *self.shown)
        self.shown = None


class Publisher(DisplayPublisher):
    """What `display` shows becomes an output."""

    outputs: Outputs | None = None

    def publish(  # type: ignore[override]
        self,
        data: Any,
        metadata: Any = None,
        *,
        transient: Any = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        self._validate_data(data, metadata)
        if self.outputs is None:
            return
        display_id = (transient or {}).get("display_id")
        if not update:
            self.outputs.show("display_data", data, metadata, display_id)
        elif display_id:
            self.outputs.update(data, metadata, display_id)

    def clear_output(self, wait: bool = False) -> None:
        if self.outputs is not None:
            self.outputs.clear(wait=wait)


class Compiler(CachingCompiler):
    """Gives a cell the kind of file name that warnings and tracebacks of a notebook show."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        name = f"{zlib.crc32(raw_code.encode('utf-8', 'replace'))}.py"
        path = os.path.join(tempfile.gettempdir(), f"ipykernel_{os.getpid()}", name)
        inspect.modulesbyfile[path] = "__main__"  # or a traceback would look for it in every module
        return path


@magics_class
class KernelMagics(Magics):
    """Commands that are others in a notebook than in a terminal."""

    shell: Any

    @line_magic
    def clear(self, line: str) -> None:
        """Clear the terminal."""
        self.shell.system("clear")

    @line_magic
    def less(self, line: str) -> None:
        """Show a file through the pager."""
        if not line:
            raise UsageError("Missing filename.")
        with open(line, encoding="utf-8") as file:
            page.page(file.read())

    more = line_magic("more")(less)  # type: ignore[arg-type,var-annotated]

    @line_magic
    def man(self, line: str) -> None:
        """Find the man page for the given command and display in pager."""
        page.page(self.shell.getoutput(f"man {line} | col -b", split=False))

    @line_magic
    def autosave(self, line: str) -> None:
        """Set the autosave interval in the notebook (in seconds)."""
        try:
            interval = int(line)
        except ValueError as error:
            raise UsageError(f"%autosave requires an integer, got {line!r}") from error
        code = f"IPython.notebook.set_autosave_interval({1000 * interval})"
        display(Javascript(code), include=["application/javascript"])
        print(f"Autosaving every {interval} seconds" if interval else "Autosave disabled")


class ZMQInteractiveShell(InteractiveShell):
    """Libraries know by this name that they are in a notebook."""

    displayhook_class = Type(Hook)
    display_pub_class = Type(Publisher)
    exiter = Instance(ZMQExitAutocall)
    keepkernel_on_exit = None
    outputs: Outputs | None = None
    _last_traceback: Any = None

    @default("exiter")
    def _default_exiter(self) -> ZMQExitAutocall:
        return ZMQExitAutocall(self)

    def put_out_to(self, outputs: Outputs) -> None:
        """From now on what cells show goes there."""
        self.outputs = self.displayhook.outputs = self.display_pub.outputs = outputs

    def init_environment(self) -> None:
        os.environ.update(ENVIRONMENT)

    def init_virtualenv(self) -> None:
        """There is none."""

    def init_hooks(self) -> None:
        super().init_hooks()
        self.set_hook("show_in_pager", page.as_hook(_not_shown), 99)

    def init_magics(self) -> None:
        super().init_magics()
        self.register_magics(KernelMagics)

    def enable_gui(self, gui: Any = None) -> None:
        """There is no window."""

    def ask_exit(self) -> None:
        """The other cells still run."""

    def set_next_input(self, text: str, replace: bool = False) -> None:
        """Nobody would see it."""

    def run_cell(self, *args: Any, **kwargs: Any) -> Any:
        self._last_traceback = None
        return super().run_cell(*args, **kwargs)

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        name, value = str(etype.__name__), str(evalue)
        if self.outputs is not None:
            self.outputs.error(name, value, stb)
        self._last_traceback = stb

    def system_piped(self, cmd: str) -> None:
        """Run a command and print its output; its exit status becomes `_exit_code`. Raises OSError for `command &`."""
        if cmd.rstrip().endswith("&"):
            raise OSError("Background processes not supported.")
        command = self.var_expand(cmd, depth=1)
        try:
            status = system(command)
        except OSError:  # the sandbox has no terminals
            with subprocess.Popen(
                command, shell=True, executable="/bin/sh", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            ) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    print(line.decode("utf-8", "replace"), end="")
            status = process.returncode
        self.user_ns["_exit_code"] = status

    system = system_piped


def make_shell() -> ZMQInteractiveShell:
    """The shell of this process, in which no cell has run. It writes no file and starts no thread."""
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.IPKernelApp.parent_appname = ""  # by this tqdm knows a notebook
    shell: ZMQInteractiveShell = ZMQInteractiveShell.instance(
        config=config,
        compiler_class=Compiler,
        ipython_dir=os.path.join(os.environ["HOME"], ".ipython"),
        profile_dir=ProfileDir(),
    )
    assert shell.extension_manager is not None
    shell.extension_manager.load_extension("storemagic")
    builtins.input = raw_input  # type: ignore[assignment]
    getpass.getpass = no_getpass
    pdb.Pdb, pdb.set_trace = debugger.Pdb, debugger.set_trace  # type: ignore[misc,assignment]
    return shell


def warm_up(shell: ZMQInteractiveShell) -> None:
    """Do once what takes long the first time: show a value and an error. No cell of a notebook notices."""
    assert shell.display_formatter is not None
    shell.display_formatter.format([1.5, {"a": ()}])
    shell.transform_cell("%time 1\n")
    shell.compile.ast_parse("1")
    try:
        exec(compile("def f(x):\n    return 1 / x\nf(0)", __file__, "exec"), {})
    except ZeroDivisionError:
        shell.InteractiveTB.structured_traceback(*sys.exc_info())  # type: ignore[arg-type]


def raw_input(prompt: object = "") -> NoReturn:
    """In place of `input`. Raises StdinNotImplementedError."""
    raise StdinNotImplementedError("raw_input was called, but this frontend does not support input requests.")


def no_getpass(prompt: str = "", stream: object = None, **_: object) -> NoReturn:
    """In place of `getpass.getpass`. Raises StdinNotImplementedError."""
    raise StdinNotImplementedError("getpass was called, but this frontend does not support input requests.")


def _not_shown(*_: object, **__: object) -> None:
    """A pager that nobody looks at."""
