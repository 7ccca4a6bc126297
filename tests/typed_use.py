"""Names as a type checker sees them: mypy reads this file, and fails where an ignored error is none any more."""

import lossspec
from lossspec import Loss, huber
from lossspec.losses import focal

known: list[Loss] = [huber, focal, lossspec.dice]
wrong: int = huber  # type: ignore[assignment]
unknown = lossspec.nosuch  # type: ignore[attr-defined]
