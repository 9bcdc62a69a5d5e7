"""The experiments, each a file that reads from top to bottom: `pydl lab NAME`.

An experiment's module has add_arguments(parser) and run(args). args.out is the folder for what it leaves behind, the
figures in metrics.json and the pictures; args.seed starts its random numbers.
"""

from __future__ import annotations

from types import ModuleType

EXPERIMENTS = {
    "band": "for which inputs a sigmoid neuron lets a gradient pass undiminished",
    "batch-size": "one digit a step, some, or all: noise and speed",
    "chain": "a small change of one bias, followed through a chain of neurons",
    "dropout": "weights times (1 - p) against the average of all thinned networks",
    "filters": "what the filters of a convolutional network look like before and after learning, and what they find",
    "learning-rate": "too small, too large, right",
    "losses": "cross-entropy against squared error after softmax, when a network is badly wrong",
    "optimizers": "plain, momentum, Adagrad, RMSprop and Adam as paths on a valley, a saddle and a real loss surface",
    "overfitting": "what early stopping, weight decay, dropout, varied images and more data do about it",
    "receptive-fields": "how much of the image one number deep in a convolutional network sees",
    "sigmoids": "many sigmoids with different biases add up to softplus, which is nearly ReLU",
    "step": "backpropagation one step at a time: formula, numbers, central difference; --html makes a page of it",
    "vanishing": "deep networks of sigmoids learn slowly in their first layers, and what cures it",
    "gradients-through-time": "what is left of a gradient after 50 to 500 steps back in RNN, LSTM and GRU",
    "adding-problem": "LSTM and GRU learn what happened 200 steps ago, a plain recurrent network does not",
    "gates": "what input, forget and output gate of an LSTM do while it keeps a number until it is asked for",
    "cliff": "the wall in a small recurrent network's error surface, and what clipping the gradient does there",
    "recurrent": "gradients-through-time, adding-problem and cliff one after another",
}


def find_experiment(name: str) -> ModuleType:
    """The module of an experiment. Error: ValueError that lists what exists."""
    import importlib

    if name not in EXPERIMENTS:
        raise ValueError(f"there is no experiment {name!r}; the experiments are {', '.join(EXPERIMENTS)}")
    return importlib.import_module(f".{name.replace('-', '_')}", __package__)
