"""The page that asks for the token."""

from __future__ import annotations

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>gsanet</title><style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ display: grid; place-items: center; min-height: 90vh; margin: 0; padding: 1rem; }}
form {{ display: grid; gap: .75rem; width: min(22rem, 100%); }}
input, button {{ font: inherit; padding: .6rem .8rem; border-radius: .5rem; border: 1px solid #8888; }}
button {{ background: #e2502f; color: #fff; border: 0; cursor: pointer; }}
p {{ margin: 0; }} .wrong {{ color: #d33; }}
</style></head><body><form method="post" action="/">
<h1>gsanet</h1>{wrong}
<label for="token">The token that was chosen when this server was started</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Enter</button></form></body></html>"""


def login_page(*, wrong: bool = False) -> str:
    """HTML; it needs nothing else.

    Args:
        wrong: the token that was given is not the one.
    """
    return _PAGE.format(wrong='<p class="wrong" role="alert">That is not the token.</p>' if wrong else "")
