"""The folder `backends/` of a clone, as the package that an installation has in this place.

A folder of the name `lossspec/backends/` comes before this file, so that it is read only where Python runs in a clone
without an editable installation.
"""

from pathlib import Path

__path__ = [str(Path(__file__).parents[1] / "backends")]
