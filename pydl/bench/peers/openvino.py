"""OpenVINO's side of the comparison: inference with the latency hint, in float32, on tensors that are set once."""

from __future__ import annotations

import openvino as ov

from ..workloads import Arrays, Workload
from ..workloads.networks import NETWORKS
from . import Run, Variants
from .onnx_graph import graph

# Without the precision hint OpenVINO computes in bfloat16 where the processor can: not the same work.
_settings: dict[str, object] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}


def set_up(threads: int) -> dict[str, str]:
    _settings["INFERENCE_NUM_THREADS"] = threads
    return {"openvino": ov.__version__}


def infer(workload: Workload, inputs: Arrays) -> Variants:
    network = workload.sizes["network"]

    def make() -> Run:
        core = ov.Core()
        compiled = core.compile_model(core.read_model(graph(network, inputs), b""), "CPU", _settings)
        request = compiled.create_infer_request()
        for name in NETWORKS[network].inputs:
            request.set_tensor(name, ov.Tensor(inputs[name]))

        def step() -> None:
            # The bound call itself: the Python wrapper `request.infer()` would add argument handling and a copy.
            request.start_async()
            request.wait()

        return Run(step, lambda _: {"y": request.get_output_tensor().data.copy()})

    return {"latency": make}


KINDS = {"infer": infer}
