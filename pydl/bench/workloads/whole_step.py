"""Whole training steps (forward, cross-entropy or CTC, backward, Adam) and inference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .networks import NETWORKS
from .workload import KINDS, Arrays, Kind, Workload, module_arrays


def network_arrays(network: str, generator: np.random.Generator) -> Arrays:
    """The parameters and buffers of one of NETWORKS, under their names in its state_dict."""
    from ... import nn  # here, so that listing the rows loads no layers

    return module_arrays(NETWORKS[network].build(nn), generator, np.dtype(np.float32))


def _inputs(g: np.random.Generator, dtype: np.dtype, network: str, batch: int) -> Arrays:
    return network_arrays(network, g) | NETWORKS[network].draw(g, batch)


def _cost(w: Workload) -> tuple[int, int]:
    """Products of the network (elementwise work is not counted); traffic of the parameters and the batch."""
    network, batch, training = NETWORKS[w.sizes["network"]], w.sizes["batch"], w.kind != "infer"
    drawn = network.draw(np.random.default_rng(0), batch)
    parameters = sum(map(np.size, network_arrays(w.sizes["network"], np.random.default_rng(0)).values()))
    products = 3 * network.multiply_adds - network.first if training else network.multiply_adds
    traffic = parameters * (7 if training else 1) + sum(math.prod(drawn[name].shape) for name in network.inputs)
    return 2 * batch * products, traffic


def _module(nn: Any, sizes: dict[str, Any]) -> Any:
    return NETWORKS[sizes["network"]].build(nn)


KINDS["train"] = Kind(_inputs, _cost, module=_module)
KINDS["train_ctc"] = KINDS["train"]
KINDS["infer"] = Kind(_inputs, _cost, module=_module)

# Networks and batch sizes.
_TRAINED = {
    "mlp": (1, 16, 64, 256),
    "lenet": (1, 16, 64, 256),
    "resnet": (16, 64),
    "lstm": (1, 64),
    "tagger": (16, 64),
    "seq2seq": (16, 64),
    "tagger_of_lengths": (16, 64),
    "listener": (16,),
    "listener_of_lengths": (16,),
}
_INFERRED = {
    "mlp": (1, 64),
    "lenet": (1, 64),
    "resnet": (1, 64),
    "lstm": (1, 64),
    "tagger": (1, 16),
    "seq2seq": (1, 16),
}
_SEQUENCES = ("tagger", "seq2seq", "listener", "listener_of_lengths")
_EXTRA = (
    *((network, batch) for network in ("mlp", "lenet") for batch in (16, 256)),
    *((network, 64) for network in ("tagger", "seq2seq", "tagger_of_lengths")),
)

ROWS = (
    *(
        Workload(
            f"training step {NETWORKS[network].title}, batch {batch}",
            "training step",
            "train_ctc" if NETWORKS[network].ctc else "train",
            {"network": network, "batch": batch},
            "all",
            steps=5,
            tolerance=2e-3,
            memory=batch == 64 or network in _SEQUENCES,
            extra=(network, batch) in _EXTRA,
        )
        for network, batches in _TRAINED.items()
        for batch in batches
    ),
    *(
        Workload(
            f"inference {NETWORKS[network].title}, batch {batch}",
            "inference",
            "infer",
            {"network": network, "batch": batch},
        )
        for network, batches in _INFERRED.items()
        for batch in batches
    ),
)
