"""Import this before anything of spyne: it is imported here, in silence, and its import hook is mended.

spyne carries an old ``six`` whose import hook has no ``find_spec``: Python 3.11 warns about it at every import that
follows, anywhere in the process. Its use of ``cgi`` is deprecated and harmless before Python 3.13.
"""

import sys
import warnings
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.simplefilter("ignore", ImportWarning)
    import spyne.protocol.soap
    import spyne.server.wsgi  # noqa: F401


def _find_spec(hook: Any, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
    return spec_from_loader(fullname, hook) if fullname in hook.known_modules else None


for _hook in sys.meta_path:
    if type(_hook).__module__ == "spyne.util.six" and not hasattr(_hook, "find_spec"):
        type(_hook).find_spec = _find_spec  # type: ignore[method-assign]
