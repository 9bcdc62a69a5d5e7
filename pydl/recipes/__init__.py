"""The applications, each a file that reads from top to bottom: `pydl train NAME`.

A recipe module has add_arguments(parser), train(args) and predict(path, files).
"""

from __future__ import annotations

from types import ModuleType

RECIPES = {
    "ad-clicks": "what is shown to whom to the probability of a click: learnt vectors and their fit, on a shop's log",
    "driving": "camera and radar to the positions of other cars: a hybrid network, on simulated scenes",
    "house-prices": "facts of a home to its price: a standard network with vectors for words, on real sales",
    "photo-tagging": "image to object: a convolutional network on handwritten digits or clothes",
    "speech": "sound to text: a bidirectional LSTM on spoken digits or telephone prompts",
    "translation": "English to Chinese: LSTM networks with attention, on the messages of a program",
}


def find_recipe(name: str) -> ModuleType:
    """The module of a recipe. Error: ValueError that lists what exists."""
    import importlib

    if name not in RECIPES:
        raise ValueError(f"there is no recipe {name!r}; the recipes are {', '.join(RECIPES)}")
    return importlib.import_module(f".{name.replace('-', '_')}", __name__)
