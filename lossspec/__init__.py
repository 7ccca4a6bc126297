"""Losses specified once, implemented once on the Array API standard, and checked on every backend."""

import typing as _typing

from lossspec.autodiff import grad as grad
from lossspec.autodiff import hessian_diagonal as hessian_diagonal
from lossspec.autodiff import hvp as hvp
from lossspec.autodiff import stop_gradient as stop_gradient
from lossspec.autodiff import value_and_grad as value_and_grad
from lossspec.composite import PartialSum as PartialSum
from lossspec.contract import Accuracy as Accuracy
from lossspec.contract import Contract as Contract
from lossspec.declaration import loss as loss
from lossspec.dialects.port import Ported as Ported
from lossspec.dialects.port import port as port
from lossspec.dispatch import Backend as Backend
from lossspec.dispatch import all_backends as all_backends
from lossspec.errors import BackendError as BackendError
from lossspec.errors import ContractError as ContractError
from lossspec.errors import DTypeError as DTypeError
from lossspec.errors import FormatError as FormatError
from lossspec.errors import GradientError as GradientError
from lossspec.errors import LossSpecError as LossSpecError
from lossspec.errors import MergeError as MergeError
from lossspec.errors import MissingExtraError as MissingExtraError
from lossspec.errors import MixtureError as MixtureError
from lossspec.loss import Loss as Loss
from lossspec.losses import *  # noqa: F403
from lossspec.pipeline import checking as checking
from lossspec.reduction import Mean as Mean
from lossspec.reduction import Partial as Partial
from lossspec.registry import get as get
from lossspec.registry import names as names
from lossspec.registry import no_attribute as _no_attribute
from lossspec.terms import Interval as Interval
from lossspec.terms import Role as Role
from lossspec.terms import Term as Term

__version__ = "0.1.0"

if not _typing.TYPE_CHECKING:  # to a type checker an unknown attribute is an error

    def __getattr__(name: str) -> None:
        raise _no_attribute(name)
