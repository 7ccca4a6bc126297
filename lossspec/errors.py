"""The errors that lossspec raises; every message names the loss, the argument and the fix."""


class LossSpecError(Exception):
    """Base of every error that lossspec raises on purpose."""


class ContractError(LossSpecError, ValueError):
    """An argument does not fit the contract: its shape, its value, or a keyword the loss does not take."""


def require(condition: bool, message: str, *facts: object) -> None:
    """Raise, for a loss body, where static facts (sizes, numbers) do not fit together.

    The facts go into the `{}` of the message only then: a compiler that keeps sizes symbolic cannot write them.
    """
    if not condition:
        raise ContractError(message.format(*facts) if facts else message)


class DTypeError(ContractError, TypeError):
    """An argument is no array, or an array of a dtype the contract does not take."""


class MixtureError(LossSpecError, TypeError):
    """Two arguments of one call live in different frameworks or on different devices."""


class MergeError(LossSpecError, TypeError):
    """Two partial results that do not add up: of a coupled loss, or of different calls."""


class FormatError(LossSpecError, ValueError):
    """Data that cannot be read here, a partial or vectors: of another version or format, or damaged."""


class GradientError(LossSpecError, NotImplementedError):
    """An operation on an array under differentiation has no derivative; the message says what to do instead."""


class NoMethodError(GradientError, AttributeError):
    """A method of a framework that an array under differentiation has not; the namespace has a function for it."""


class BackendError(LossSpecError, RuntimeError):
    """A framework is absent, or cannot do what was asked of it."""


class MissingExtraError(LossSpecError, ImportError):
    """An optional package is absent; the message names the extra that installs it."""
