"""The networks as ONNX graphs, for the libraries that run those."""

from __future__ import annotations

from onnx import TensorProto, checker, helper, numpy_helper

from ..workloads import NETWORKS, Arrays, parameter_shapes


def graph(network: str, inputs: Arrays) -> bytes:
    """The serialised model: input "input" of the batch's fixed shape, output "y", parameters as constants."""
    nodes, name = [], "input"
    layers = NETWORKS[network]
    for index, (layer, *size) in enumerate(layers):
        output = "y" if index == len(layers) - 1 else f"{index}.out"
        parameters = [f"{index}.weight", f"{index}.bias"]
        if layer == "linear":
            node = helper.make_node("Gemm", [name, *parameters], [output], transB=1)
        elif layer == "conv2d":
            node = helper.make_node("Conv", [name, *parameters], [output], kernel_shape=[size[2]] * 2)
        elif layer == "max_pool2d":
            node = helper.make_node("MaxPool", [name], [output], kernel_shape=size * 2, strides=size * 2)
        elif layer == "relu":
            node = helper.make_node("Relu", [name], [output])
        else:
            node = helper.make_node("Flatten", [name], [output])
        nodes.append(node)
        name = output
    batch = inputs["input"].shape[0]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            network,
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, inputs["input"].shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, (batch, 10))],
            [numpy_helper.from_array(inputs[key], key) for key in parameter_shapes(network)],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    checker.check_model(model, full_check=True)
    return model.SerializeToString()
