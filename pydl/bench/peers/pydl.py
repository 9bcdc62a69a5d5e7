"""pydl's side of the comparison."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

import pydl
import pydl.nn.functional as F

from ..workloads import KINDS as WORK
from ..workloads import Arrays, Workload
from ..workloads.memory_bound import EXPRESSIONS, WITH_GRADIENT, WITHOUT_GRADIENT
from ..workloads.networks import NETWORKS
from ..workloads.optimizer import LEARNING_RATE, OPTIMIZERS
from ..workloads.recurrent import run_cell, run_layer
from . import Run, Variants


def set_up(threads: int) -> dict[str, str]:
    pydl.set_num_threads(threads)
    return {"pydl": pydl.__version__}


def _tensors(inputs: Arrays, names: tuple[str, ...], gradients: str = "") -> list[Any]:
    """Tensors of these inputs; with gradients where the workload wants them ("weight": not of the input)."""
    return [
        pydl.tensor(inputs[name], requires_grad=bool(gradients) and not (gradients == "weight" and name == "input"))
        for name in names
    ]


def _function(inputs: Arrays, names: tuple[str, ...], gradients: str, apply: Any) -> Run:
    """`apply` on the named inputs: without gradients, recorded only, or followed by backward(dy)."""
    tensors = _tensors(inputs, names, gradients)
    if not gradients:  # of tensors that need none, so nothing is recorded
        return Run(partial(apply, *tensors), lambda y: {"y": y.numpy()})
    if gradients == "record":
        return Run(lambda: apply(*tensors), lambda y: {"y": y.detach().numpy()})

    dy = None if inputs["dy"].ndim == 0 else pydl.tensor(inputs["dy"])

    def forward_backward() -> Any:
        for tensor in tensors:
            tensor.grad = None
        y = apply(*tensors)
        y.backward(dy)
        return y

    def read(y: Any) -> Arrays:
        read_gradients = {f"d{name}": tensor.grad for name, tensor in zip(names, tensors, strict=True)}
        return {"y": y.detach().numpy()} | {
            name: gradient.numpy() for name, gradient in read_gradients.items() if gradient is not None
        }

    return Run(forward_backward, read)


def function(workload: Workload, inputs: Arrays) -> Variants:
    """Any kind that is one function of tensors; convolutions that suit it also without Winograd's algorithm."""
    kind, sizes = WORK[workload.kind], workload.sizes
    assert kind.apply is not None
    apply = kind.apply

    def make(winograd: bool) -> Run:
        run = _function(inputs, kind.tensors, workload.gradients, partial(apply, F, sizes))
        return replace(run, reset=lambda: pydl.set_winograd(winograd))

    if not workload.exact:
        return {"eager": lambda: make(True)}
    return {"winograd": lambda: make(True), "direct": lambda: make(False)}


def expression(workload: Workload, inputs: Arrays) -> Variants:
    how = workload.sizes["how"]
    names = ("input", *WITH_GRADIENT.get(how, ()))
    fixed = [inputs[name] for name in WITHOUT_GRADIENT.get(how, ())]
    if how == "batch_norm":  # its running statistics change
        fixed = [pydl.tensor(array) for array in fixed]
    apply = EXPRESSIONS[how].apply
    variants: Variants = {
        "eager": lambda: _function(inputs, names, workload.gradients, lambda *t: apply(F, *t, *fixed))
    }
    if how == "chain":  # where others compile
        captured = pydl.capture(lambda *t: apply(F, *t))
        variants["captured"] = lambda: _function(inputs, names, workload.gradients, captured)
        if workload.gradients:
            variants["captured, both passes"] = lambda: _both_passes(inputs, names, lambda *t: apply(F, *t))
    return variants


def _both_passes(inputs: Arrays, names: tuple[str, ...], apply: Any) -> Run:
    """`apply` on the named inputs and its backward(dy), captured as one function of inputs and dy, as JAX has it."""

    @pydl.capture
    def forward_backward(*given: Any) -> Any:
        with pydl.enable_grad():
            leaves = [each.detach().requires_grad_() for each in given[:-1]]
            y = apply(*leaves)
            y.backward(given[-1])
        return y.detach(), [leaf.grad for leaf in leaves]

    tensors = [*_tensors(inputs, names), pydl.tensor(inputs["dy"])]

    def read(results: Any) -> Arrays:
        y, gradients = results
        return {"y": y.numpy()} | {f"d{name}": dx.numpy() for name, dx in zip(names, gradients, strict=True)}

    return Run(lambda: forward_backward(*tensors), read)


def _module(workload: Workload, inputs: Arrays, call: Any) -> Run:
    """call(module, x) of a layer whose parameters are among the inputs, alone or followed by backward(dy)."""
    build = WORK[workload.kind].module
    assert build is not None
    module = build(pydl.nn, workload.sizes)
    module.load_state_dict({name: inputs[name] for name, _ in module.named_parameters()})
    (x,) = _tensors(inputs, ("input",), workload.gradients)
    dy = pydl.tensor(inputs["dy"])

    def forward() -> Any:
        with pydl.no_grad():
            return call(module, x)

    def forward_backward() -> Any:
        module.zero_grad()
        x.grad = None
        y = call(module, x)
        y.backward(dy)
        return y

    def read(y: Any) -> Arrays:
        outputs = {"y": y.detach().numpy()}
        if workload.gradients:
            outputs["dinput"] = x.grad.numpy()
            outputs |= {f"d{name}": parameter.grad.numpy() for name, parameter in module.named_parameters()}
        return outputs

    return Run(forward_backward if workload.gradients else forward, read)


def recurrent(workload: Workload, inputs: Arrays) -> Variants:
    return {"eager": lambda: _module(workload, inputs, lambda module, x: run_layer(workload.sizes, module, x))}


def cell(workload: Workload, inputs: Arrays) -> Variants:
    return {
        "loop": lambda: _module(workload, inputs, lambda module, x: run_cell(workload.sizes, module, x, pydl.stack))
    }


def optimizer(workload: Workload, inputs: Arrays) -> Variants:
    name, options, _, _ = OPTIMIZERS[workload.sizes["how"]]
    count = len(inputs) // 2

    def make() -> Run:
        state: dict[str, Any] = {}

        def reset() -> None:
            state["parameters"] = _tensors(inputs, tuple(f"p{i}" for i in range(count)), "all")
            for i, parameter in enumerate(state["parameters"]):
                parameter.grad = pydl.tensor(inputs[f"dp{i}"])
            state["step"] = getattr(pydl.optim, name)(state["parameters"], **options).step

        def read(_: Any) -> Arrays:
            return {f"p{i}": parameter.detach().numpy() for i, parameter in enumerate(state["parameters"])}

        return Run(lambda: state["step"](), read, reset)

    return {"eager": make}


def build(network: str, inputs: Arrays) -> Any:
    """The network with the parameters of `inputs`."""
    model = NETWORKS[network].build(pydl.nn)
    model.load_state_dict({name: inputs[name] for name in model.state_dict()})
    return model


def _batch(network: str, inputs: Arrays) -> list[Any]:
    """The network's inputs: whole numbers (words) as arrays."""
    arrays = (inputs[name] for name in NETWORKS[network].inputs)
    return [pydl.tensor(array) if array.dtype.kind == "f" else array for array in arrays]


def _cross_entropy(logits: Any, target: Any, lengths: Any = None) -> Any:
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))


def _ctc(log_probs: Any, target: Any, lengths: Any = None) -> Any:
    T, N, _ = log_probs.shape
    return F.ctc_loss(log_probs, target, np.full(N, T) if lengths is None else lengths, np.full(N, target.shape[1]))


def train(workload: Workload, inputs: Arrays, loss_of: Any = _cross_entropy) -> Variants:
    def make(captured: bool) -> Run:
        network = workload.sizes["network"]
        batch = _batch(network, inputs)
        targets = [inputs["target"], *(batch[-1:] if NETWORKS[network].lengths else ())]
        state: dict[str, Any] = {}

        def reset() -> None:
            state["model"] = model = build(network, inputs)
            state["optimizer"] = optimizer = pydl.optim.Adam(model.parameters(), lr=LEARNING_RATE)
            if captured:
                state["step"] = pydl.capture_step(model, loss_of, optimizer, inputs=len(batch))

        def step() -> Any:
            if captured:
                return state["step"](*batch, *targets)
            state["optimizer"].zero_grad()
            loss = loss_of(state["model"](*batch), *targets)
            loss.backward()
            state["optimizer"].step()
            return loss

        return Run(step, lambda loss: {"loss": np.array(loss.item())}, reset)

    return {"eager": lambda: make(False), "captured": lambda: make(True)}


def train_ctc(workload: Workload, inputs: Arrays) -> Variants:
    return train(workload, inputs, _ctc)


def infer(workload: Workload, inputs: Arrays) -> Variants:
    def make(captured: bool, fold: bool = False) -> Run:
        model = build(workload.sizes["network"], inputs).eval()
        batch = _batch(workload.sizes["network"], inputs)
        forward = pydl.capture(model, fold=fold) if captured else model

        def step() -> Any:
            with pydl.no_grad():
                return forward(*batch)

        return Run(step, lambda y: {"y": y.numpy()})

    return {
        "eager": lambda: make(False),
        "captured": lambda: make(True),
        "captured, folded": lambda: make(True, fold=True),
    }


KINDS = {
    "matmul": function,
    "attention": function,
    "convolution": function,
    "pooling": function,
    "small": function,
    "expression": expression,
    "recurrent": recurrent,
    "cell": cell,
    "optimizer": optimizer,
    "train": train,
    "train_ctc": train_ctc,
    "infer": infer,
}
