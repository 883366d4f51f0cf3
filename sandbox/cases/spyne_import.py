"""Import this before anything of spyne: it is imported here, in silence, and two of its habits are mended.

spyne carries an old ``six`` whose import hook has no ``find_spec``: Python 3.11 warns about it at every import that
follows, anywhere in the process. Its use of ``cgi`` is deprecated and harmless before Python 3.13.

And it collects garbage after a call when the last time is a second ago. In a process that holds much, a collection
takes about that second itself, and then every call pays for one.
"""

import sys
import warnings
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.simplefilter("ignore", ImportWarning)
    import spyne.const
    import spyne.protocol.soap
    import spyne.server.wsgi

spyne.const.MIN_GC_INTERVAL = 3600.0  # seconds; what it is there for, open files, a call here does not have


def _find_spec(hook: Any, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
    return spec_from_loader(fullname, hook) if fullname in hook.known_modules else None


for _hook in sys.meta_path:
    if type(_hook).__module__ == "spyne.util.six" and not hasattr(_hook, "find_spec"):
        type(_hook).find_spec = _find_spec  # type: ignore[method-assign]
