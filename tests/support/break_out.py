"""Try to break out of a server, from within it: run by a student's or an instructor's own terminal and kernel.

It needs nothing but Python, reads plan.json beside it, and prints what came of each attempt as one line of JSON.
"""

import ctypes
import json
import os
import pathlib
import subprocess
import urllib.error
import urllib.request

PLAN = json.loads(pathlib.Path("plan.json").read_text())
ATTACH, CONTINUE = 16, 18  # PTRACE_ATTACH, SIGCONT


def tried(attempt):
    """What an attempt got; `refused` and why otherwise."""
    try:
        return f"got {attempt()!r}"[:300]
    except Exception as error:
        return f"refused {type(error).__name__}"


def read(path):
    found = sorted(os.listdir(path)) if os.path.isdir(path) else pathlib.Path(path).read_bytes()[:40]
    if not found:
        raise ValueError("empty")
    return found


def write(path):
    place = pathlib.Path(path)
    if place.is_dir():
        place = place / "planted"
        place.write_text("x")
        place.unlink()
    else:
        with open(place, "r+b"):
            return "open for writing"
    return "written"


def attach(process):
    if ctypes.CDLL(None, use_errno=True).ptrace(ATTACH, process, 0, 0):
        raise OSError(ctypes.get_errno())


def started(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise OSError(done.stderr)
    return done.stdout


def set_user_bit():
    pathlib.Path("program").write_text("x")
    os.chmod("program", 0o4755)


def asked(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"token {token}"} if token else {})
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def seen_of_processes():
    text = ""
    for process in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ", "maps"):
            try:
                text += pathlib.Path("/proc", process, name).read_bytes().decode(errors="replace")
            except OSError:
                continue
    return text


status = dict(line.split(":\t") for line in pathlib.Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
everything = seen_of_processes()
token = os.environ["JUPYTERHUB_API_TOKEN"]
print(
    json.dumps(
        {
            "read": {path: tried(lambda path=path: read(path)) for path in PLAN["read"]},
            "write": {path: tried(lambda path=path: write(path)) for path in PLAN["write"]},
            "signal": {str(one): tried(lambda one=one: os.kill(one, CONTINUE)) for one in PLAN["processes"]},
            "trace": {str(one): tried(lambda one=one: attach(one)) for one in PLAN["processes"]},
            "privileges": {
                "become root": tried(lambda: os.setuid(0)),
                "su": tried(lambda: started("su", "-c", "id")),
                "set-user bit": tried(set_user_bit),
                "mount": tried(lambda: started("mount", "-t", "tmpfs", "none", "/mnt")),
                "user namespace": tried(lambda: started("unshare", "--user", "--map-root-user", "id")),
                "chroot": tried(lambda: started("chroot", "/", "id")),
            },
            "nodes": {path: tried(lambda path=path: os.chmod(path, 0o600)) for path in PLAN.get("nodes", ())},
            "capabilities": {name: status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")},
            "no new privileges": status["NoNewPrivs"],
            "user": os.getuid(),
            "groups": os.getgroups(),
            "seen": [text for text in PLAN["markers"] if text in everything],
            "answers": {url: asked(url, token if own else "") for url, own in PLAN["urls"]},
        }
    )
)
