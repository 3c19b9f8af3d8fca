"""The frame of plain pages: no resources from elsewhere, readable on a phone, dark and light.

Style and script stand in the page and are named in its policy by their digests, so that nothing else runs or styles.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape

STYLE = """
:root { color-scheme: light dark; --line: #8886; --faint: #8882; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .8rem .35rem 0; text-align: left; vertical-align: top; }
dl { display: grid; gap: .2rem 1rem; grid-template-columns: max-content 1fr; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
pre, code { background: var(--faint); border-radius: .25rem; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { padding: .6rem; } code { padding: 0 .2rem; }
iframe { background: #fff; border: 1px solid var(--line); height: 80vh; width: 100%; }
.ours { border-left: .3rem solid #c80; padding-left: .7rem; }
"""
# While something of a page is still to come, it is asked for again: often at first, since most results take a second.
SCRIPT = """
let pause = 200;
async function again() {
  const main = document.querySelector("main[data-live]");
  if (!main) return;
  try {
    const headers = { "X-XSRFToken": main.dataset.live };
    const answer = await fetch(location.href, { headers, cache: "no-store", redirect: "error" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("main");
    if (answer.ok && next) main.replaceWith(document.adoptNode(next));
  } catch (error) { /* the server may come back */ }
  pause = Math.min(1000, 1.3 * pause);
  setTimeout(again, pause);
}
setTimeout(again, pause);
"""


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src {_digest(STYLE)}",
        f"script-src {_digest(SCRIPT)}",
        "connect-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
# What a student's text may have become: nothing in it runs, loads or is sent.
FEEDBACK_POLICY = "; ".join(
    (
        "sandbox",
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)


def page(title: str, body: str, *, live: str = "", back: str = "") -> str:
    """A whole page. `body` is HTML; `live` pages ask for themselves again, with this token against forged requests."""
    script = f"<script>{SCRIPT}</script>" if live else ""
    token = f' data-live="{escape(live)}"' if live else ""
    way = f'<p><a href="{escape(back)}">All submissions</a></p>' if back else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{way}<main{token}><h1>{escape(title)}</h1>{body}</main>{script}</body></html>\n"
    )
