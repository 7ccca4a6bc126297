"""The catalogue: each file or folder here is a family, and its `__all__` is what the package exports.

Families are found by their place; a file whose name begins with an underscore is none. No file names a framework. Type
checkers, which run nothing, read `__init__.pyi`.
"""

from importlib import import_module as _import_module
from pkgutil import iter_modules as _iter_modules

__all__: list[str] = []
for _found in _iter_modules(__path__):  # in alphabetical order
    if not _found.name.startswith("_"):
        _family = _import_module(f"{__name__}.{_found.name}")
        globals().update({_name: getattr(_family, _name) for _name in _family.__all__})
        __all__ += _family.__all__
