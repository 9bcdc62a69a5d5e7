"""Any public operation, called with anything: it works or says in its own words what is wrong.

The arguments are tensors and arrays of arbitrary small shapes and number types, and values that people pass for sizes,
dimensions and options. No operation may let an error of numpy's or Python's own workings through.
"""

import inspect
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pydl
from pydl import ops

# NumPy 1 only warns of an index that is out of range where the result has no elements.
pytestmark = pytest.mark.filterwarnings("ignore:Out of bound index found:DeprecationWarning")

OPERATIONS = sorted(ops.NAMES)
ERRORS = (ValueError, TypeError, IndexError, RuntimeError)
OWN_WORDS = re.compile(r"[A-Za-z]\w*: ")  # an error begins with the name of the operation

sizes = st.integers(0, 3)
shapes = st.lists(sizes, max_size=4).map(tuple)
numbers = st.sampled_from([np.float32] * 4 + [np.float64] * 2 + [np.int64] * 2 + [np.int32, np.uint8, np.bool_])


@st.composite
def arrays(draw):
    values = np.random.default_rng(draw(st.integers(0, 99))).integers(-1, 4, draw(shapes)).astype(draw(numbers))
    if draw(st.booleans()):
        return values
    return pydl.tensor(values, requires_grad=values.dtype.kind == "f" and draw(st.booleans()))


integers = st.one_of(st.integers(-5, 5), st.sampled_from([2**31, 2**62, -(2**62), 2**63, 2**100]))
options = st.one_of(
    integers,
    st.lists(integers, max_size=4),
    st.lists(integers, max_size=4).map(tuple),
    st.sampled_from([None, True, False, 0.5, -1.0, float("nan"), "mean", "sum", "none", "same", "text", ...]),
    st.sampled_from(
        [slice(None), slice(0, 2), slice(None, None, -1), slice(1, None, 0), np.float32, "float64", {}, object()]
    ),
)
values = st.one_of(arrays(), arrays(), options)
lists = st.lists(st.one_of(arrays(), values), max_size=3)


def parameters(function):
    return list(inspect.signature(getattr(function, "__wrapped__", function)).parameters.values())


@st.composite
def calls(draw, name):
    function = getattr(ops, name)
    arguments, keywords = [], {}
    for position, parameter in enumerate(parameters(function)):
        if parameter.kind is parameter.VAR_POSITIONAL:
            arguments += draw(st.lists(values, max_size=3))
        elif parameter.default is parameter.empty or draw(st.booleans()):
            first = st.one_of(arrays(), arrays(), arrays(), lists, values)
            if position == 0:
                value = draw(first)
            elif parameter.default is parameter.empty:
                value = draw(st.one_of(values, lists))
            else:
                value = draw(st.one_of(options, options, arrays(), st.just(parameter.default)))
            if parameter.default is parameter.empty and not keywords:
                arguments.append(value)
            else:
                keywords[parameter.name] = value
    return function, arguments, keywords


@pytest.mark.parametrize("name", OPERATIONS)
def test_any_arguments(name):
    @settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(calls(name))
    def holds(call):
        function, arguments, keywords = call
        try:
            with np.errstate(all="ignore"):
                result = function(*arguments, **keywords)
                results = result if isinstance(result, list | tuple) else [result]
                for each in results:
                    if isinstance(each, pydl.Tensor) and each.requires_grad and 0 < each.data.size < 10**6:
                        each.backward(np.ones(each.shape, each.dtype))
                        break
        except MemoryError:
            return
        except ERRORS as error:
            refusal = error
        else:
            return
        assert OWN_WORDS.match(str(refusal)), f"{type(refusal).__name__}: {refusal}"

    holds()
