"""Names as a type checker sees them: mypy reads this file, and fails where an ignored error is none any more."""

import lossspec
from lossspec import Loss, huber
from lossspec.losses import focal


def names() -> None:
    """Use names that are there, in the right place and in a wrong one, and a name that is not."""
    known: list[Loss] = [huber, focal, lossspec.dice]
    wrong: list[int] = known  # type: ignore[assignment]
    wrong.append(lossspec.nosuch)  # type: ignore[attr-defined]
