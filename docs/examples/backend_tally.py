"""A backend for a framework of one's own: arrays that count what is computed, in float32, for any loss unchanged."""

import numpy as np
from array_api_compat import numpy

from lossspec import Backend, cross_entropy, dice, huber
from lossspec.dispatch import register_backend
from lossspec.foreign import Namespace, dropping, step_back

# The framework: it knows its own arrays and numbers, raises for anything else, and has one device.


class Plain:
    """An array that refuses foreign operands, as strict frameworks do."""

    computed = 0

    def __init__(self, data):
        self.data = data

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    dtype = property(lambda self: self.data.dtype)
    device = "the one device"

    def __getitem__(self, key):
        keys = key if isinstance(key, tuple) else (key,)
        return adopt(self.data[tuple(map(release, keys))])

    def __neg__(self):
        return adopt(-self.data)

    def __invert__(self):
        return adopt(~self.data)

    def __bool__(self):
        return bool(self.data)

    def __array_namespace__(self, api_version=None):
        return namespace


def _operator(name):
    def method(self, other):
        if not isinstance(other, (Plain, int, float)):
            raise TypeError(f"an array of tally meets a {type(other).__name__}")
        return adopt(getattr(self.data, name)(release(other)))

    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"):
    for _full in (f"__{_name}__", f"__r{_name}__"):
        setattr(Plain, _full, _operator(_full))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Plain, f"__{_name}__", _operator(f"__{_name}__"))


class Tally(Plain):
    """The array of the backend: its operators let a traced array on their right answer."""


step_back(Tally, Plain)


def adopt(result):
    """The result of a function, with its arrays as ours, counted."""
    if isinstance(result, (tuple, list)):
        return type(result)(adopt(item) for item in result)
    if not isinstance(result, (np.ndarray, np.generic)):
        return result
    Plain.computed += result.size
    return Tally(np.asarray(result))


def release(value):
    """The data of our arrays, for NumPy; anything else as it is."""
    return value.data if isinstance(value, Plain) else value


CREATORS = ("arange", "asarray", "empty", "eye", "full", "linspace", "ones", "zeros")
CREATORS += ("full_like", "ones_like", "zeros_like")
xp = Namespace(numpy, changes={name: dropping(getattr(numpy, name), "device") for name in CREATORS})
namespace = Namespace(xp, adopt, release=release)


# The backend: six names, and what differs from an eager framework on the CPU.


class TallyBackend(Backend):
    """Arrays of tally."""

    name = "tally"
    module = "numpy"  # what has to be loaded before an array of it can exist
    extra = "check"
    making = "Tally(numpy.asarray({x}))"
    dtypes = ("float32",)
    namespace = namespace

    def recognises(self, x):
        return isinstance(x, Tally)

    def from_numpy(self, array, device=None):
        return Tally(np.array(array))

    def to_numpy(self, x):
        return np.array(x.data)

    def device_of(self, x):
        return None

    def creation_device(self, x):
        return None


backend = TallyBackend()


if __name__ == "__main__":
    register_backend(backend)
    random = np.random.default_rng(0)
    pair = [random.random((64, 10), dtype=np.float32) for _ in range(2)]
    images = [np.asarray(random.random((64, 1, 10)) > 0.5, dtype=np.float32) for _ in range(2)]
    calls = {huber: pair, cross_entropy: [pair[0], random.integers(0, 10, 64)], dice: images}
    for loss, inputs in calls.items():
        arrays = [backend.from_numpy(x) for x in inputs]
        counts = []
        for call in (loss, loss.value_and_grad):
            Plain.computed = 0
            call(*arrays)
            counts.append(Plain.computed / arrays[0].size)
        print(f"{loss.contract.name}: {counts[0]:.1f} results an entry, {counts[1]:.1f} with the gradient")
        assert np.isclose(float(loss(*arrays).data), float(loss(*inputs)), rtol=1e-6)
