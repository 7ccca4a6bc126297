"""Reverse-mode differentiation over the Array API standard, for backends that have none of their own."""

from lossspec.autodiff.array import Traced as Traced
from lossspec.autodiff.functions import grad as grad
from lossspec.autodiff.functions import hessian_diagonal as hessian_diagonal
from lossspec.autodiff.functions import hvp as hvp
from lossspec.autodiff.functions import stop_gradient as stop_gradient
from lossspec.autodiff.functions import trace as trace
from lossspec.autodiff.functions import value_and_grad as value_and_grad
from lossspec.autodiff.functions import value_and_grad_on as value_and_grad_on
from lossspec.autodiff.namespace import TracedBackend as TracedBackend
from lossspec.autodiff.namespace import TracedNamespace as TracedNamespace
from lossspec.autodiff.namespace import traced_backend as traced_backend
from lossspec.autodiff.rules import add_rule as add_rule
from lossspec.autodiff.tape import Program as Program
from lossspec.errors import GradientError as GradientError
from lossspec.primitive import primitive as primitive
