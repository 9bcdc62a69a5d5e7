"""ONNX Runtime's side of the comparison: inference, all graph optimisations, inputs and outputs bound once."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort

from ..workloads import Arrays, Workload
from ..workloads.networks import NETWORKS
from . import Run, Variants
from .onnx_graph import graph, logits_shape

_options = ort.SessionOptions()


def set_up(threads: int) -> dict[str, str]:
    _options.intra_op_num_threads = threads
    _options.inter_op_num_threads = 1
    _options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    _options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return {"onnxruntime": ort.__version__}


def infer(workload: Workload, inputs: Arrays) -> Variants:
    network = workload.sizes["network"]

    def make() -> Run:
        session = ort.InferenceSession(graph(network, inputs), _options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        for name in NETWORKS[network].inputs:
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(inputs[name]))
        y = ort.OrtValue.ortvalue_from_shape_and_type(logits_shape(network, inputs), np.float32)
        binding.bind_ortvalue_output("y", y)
        return Run(lambda: session.run_with_iobinding(binding), lambda _: {"y": y.numpy()})

    return {"io_binding": make}


KINDS = {"infer": infer}
