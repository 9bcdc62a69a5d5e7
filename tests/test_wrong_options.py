"""Every layer, optimizer, schedule, data set, callback and initialiser, given anything for each of its arguments.

Each one is called with all arguments right but one. It works, or says in its own words what is wrong: one sentence that
begins with its name, and no error of numpy's or Python's own workings. (The operations: test_any_arguments.py.)
"""

import inspect
import re

import numpy as np
import pytest

import pydl
from pydl import audio, data, lab, nn, optim, training

ERRORS = (ValueError, TypeError, IndexError, RuntimeError, OSError, FloatingPointError, MemoryError)
OWN_WORDS = re.compile(r"[A-Za-z]\w*: ")

X, Y, LABELS = np.ones((4, 3), np.float32), np.ones((4, 2), np.float32), np.zeros(4, np.int64)
DATA = data.TensorDataset(X, Y)


def parameters():
    return list(nn.Linear(3, 2).parameters())


def optimizer():
    return optim.SGD(parameters(), lr=0.1, momentum=0.9)


def module():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def trainer():
    model = nn.Linear(3, 2)
    return pydl.Trainer(model, nn.functional.mse_loss, optim.SGD(model.parameters(), lr=0.1), progress=False)


ANYTHING = [
    *(None, "text", "", b"x", -1, 0, 1.5, float("nan"), float("inf"), 2**62, 2**70, True, 3j, ...),
    *([], (), [1], (1, 2), (1, 2, 3), [None], ["a"], {}, {"a": 1}, object(), slice(0, 2), type, lambda *each: 1),
    *(np.ones(3), np.ones((2, 2), np.float32), np.array("x"), np.ones(2, ">f4"), np.float32(2), np.int64(2)),
    *(pydl.ones(2), pydl.ones(1), nn.Linear(2, 2), optimizer(), DATA),
]

# What arguments without a default are, by name; a function makes a new one for every call.
GIVEN = {
    "arrays": (X, Y),
    "data_source": DATA,
    "dataset": DATA,
    "degrees": 10,
    "dim": 1,
    "ema": lambda: optim.EMA(parameters()),
    "f": lambda: lambda *each: pydl.ones(2),
    "indices": [0, 1],
    "init": None,
    "inputs": (np.ones(3),),
    "base_lr": 0.01,
    "gamma": 0.5,
    "lengths": [2, 2],
    "lr_lambda": lambda: lambda t: 1.0,
    "milestones": [1],
    "max_lr": 0.1,
    "max_norm": 1.0,
    "mean": 0.5,
    "optimizer": optimizer,
    "outputs": Y,
    "parameters": parameters,
    "params": parameters,
    "path": "file",
    "predicted": LABELS,
    "scheduler": lambda: optim.lr_scheduler.StepLR(optimizer(), 2),
    "step_size": 2,
    "std": 0.5,
    "targets": LABELS,
    "tensor": lambda: pydl.zeros(4, 3),
    "total_steps": 5,
    "transforms": [],
    "val": 1.0,
}


def of(function, **given):
    """A call with all arguments right: (function, arguments by name)."""
    arguments = {}
    for name, each in inspect.signature(function).parameters.items():
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            default = GIVEN.get(name, 2) if each.default is each.empty else each.default
            arguments[name] = given.get(name, default)
    return function, arguments


def classes(place, *without):
    return {name: of(each) for name, each in vars(place).items() if inspect.isclass(each) and name not in without}


CALLS = {
    **classes(nn, "Module", "Sequential", "Parameter", "ModuleList", "GRU", "LSTM", "RNN", "GroupNorm", "Transformer"),
    **{
        name: of(getattr(nn, name), d_model=4, nhead=2)
        for name in ("TransformerEncoderLayer", "TransformerDecoderLayer")
    },
    "TransformerEncoder": of(nn.TransformerEncoder, encoder_layer=nn.TransformerEncoderLayer(4, 2, 4)),
    "TransformerDecoder": of(nn.TransformerDecoder, decoder_layer=nn.TransformerDecoderLayer(4, 2, 4)),
    "MultiMarginLoss": of(nn.MultiMarginLoss),
    "Unflatten": of(nn.Unflatten, unflattened_size=(3, -1)),
    "GroupNorm": of(nn.GroupNorm, num_groups=1),
    "Residual": of(nn.Residual, f=nn.Linear(3, 3)),
    "ModuleList": (nn.ModuleList, {"modules": []}),
    "Parameter": (nn.Parameter, {"data": X, "requires_grad": True}),
    **{name: of(getattr(nn, name), dropout=0.0) for name in ("GRU", "LSTM", "RNN")},
    **{
        name: of(getattr(nn.init, name))
        for name in vars(nn.init)
        if name.endswith("_") and not name.startswith(("_", "reset"))
    },
    "dirac_": of(nn.init.dirac_, tensor=pydl.zeros(4, 3, 2)),
    **classes(optim, "Optimizer"),
    **{name: of(getattr(optim, name)) for name in ("clip_grad_norm_", "clip_grad_value_")},
    **classes(optim.lr_scheduler, "LRScheduler", "SequentialLR", "ChainedScheduler"),
    "OneCycleLR": of(optim.lr_scheduler.OneCycleLR, total_steps=5),
    "load": (data.load, {"name": "mnist-5k", "root": None, "download": False}),
    **{name: of(getattr(data, name)) for name in ("DataLoader", "Subset", "random_split", "NestedDataset")},
    **{
        name: of(getattr(data, name), weights=np.ones(4), sampler=range(4), drop_last=False)
        for name in (
            "BatchSampler",
            "RandomSampler",
            "SequentialSampler",
            "SubsetRandomSampler",
            "WeightedRandomSampler",
        )
    },
    "class_weights": of(data.class_weights, labels=LABELS),
    **{name: of(getattr(data, name)) for name in ("Compose", "Normalize", "RandomAffine")},
    **{name: of(getattr(data, name)) for name in ("RandomCrop", "RandomErasing", "RandomHorizontalFlip")},
    "EMA": of(optim.EMA),
    **{name: of(getattr(training, name)) for name in ("Checkpoint", "EarlyStopping", "LRSchedule")},
    **{name: of(getattr(training, name)) for name in ("CSVLogger", "JSONLogger", "WeightAveraging")},
    "accumulate": (
        lambda **each: pydl.Trainer(module(), nn.functional.mse_loss, optimizer(), progress=False, **each),
        {"accumulate_grad_batches": 1, "l1": 0.1, "max_norm": 2.0},
    ),
    "find_learning_rate": (
        lambda **each: trainer().find_learning_rate(**each),
        {"train": (X, Y), "low": 1e-4, "high": 1.0, "steps": 3, "batch_size": 2},
    ),
    "diagnose": (lambda data: pydl.diagnose(trainer(), data), {"data": (X, Y)}),
    **{name: of(getattr(training, name), classes=2) for name in ("accuracy", "confusion_matrix")},
    "stft": of(audio.stft, input=np.ones(8), n_fft=4),
    "resample": of(audio.resample, waveform=np.ones(8), orig_freq=2, new_freq=3),
    "log_mel_spectrogram": of(
        audio.log_mel_spectrogram, input=np.ones(8), fbanks=np.ones((3, 2), np.float32), window=np.ones(4)
    ),
    "melscale_fbanks": of(audio.melscale_fbanks, n_freqs=9, f_min=0, f_max=4000, n_mels=2, sample_rate=8000),
    "vocal_tract_fbanks": of(
        audio.vocal_tract_fbanks, n_freqs=9, f_min=0, f_max=4000, n_mels=2, sample_rate=8000, alpha=1.1
    ),
    **{name: of(getattr(audio, name), window_length=4) for name in ("hann_window", "hamming_window")},
    **{name: of(getattr(audio, name), frequency=100.0, mels=3.0) for name in ("hz_to_mel", "mel_to_hz")},
    "create_dct": of(audio.create_dct, n_mfcc=2, n_mels=3),
    "mfcc": of(audio.mfcc, log_mel=np.ones((13, 3))),
    "compute_deltas": of(audio.compute_deltas, specgram=np.ones((2, 3))),
    "SpecAugment": of(audio.SpecAugment),
    "hide": (
        lambda features: audio.SpecAugment()(features, np.random.default_rng(0)),
        {"features": np.ones((2, 3, 4))},
    ),
    "write_wav": of(audio.write_wav, samples=np.ones(8), rate=8000),
    "gradcheck": of(lab.gradcheck),
    "gradient_flow": of(
        lab.gradient_flow, model=nn.Linear(3, 2), loss=lambda: pydl.tensor(1.0, requires_grad=True) * 2
    ),
    "unsaturated_band": of(lab.unsaturated_band),
    "fit": (
        lambda **each: trainer().fit(**each),
        {"train": (X, Y), "batch_size": 2, "resume": None, "evaluate_train": False},
    ),
    "epochs": (
        lambda epochs: pydl.Trainer.fit(trainer(), (X, Y), epochs=0 if epochs is True else epochs),
        {"epochs": 0},
    ),
    "evaluate": (lambda **each: trainer().evaluate(**each), {"data": (X, Y), "batch_size": 2}),
    "predict": (lambda **each: trainer().predict(**each), {"inputs": X, "batch_size": 2}),
    "tensor": (pydl.tensor, {"data": [1.0], "dtype": None, "requires_grad": False}),
    "full": (pydl.full, {"size": (2,), "fill_value": 1.0, "dtype": None, "requires_grad": False}),
    "zeros": (lambda size, **each: pydl.zeros(size, **each), {"size": 3, "dtype": None, "requires_grad": False}),
    "randn": (lambda size, **each: pydl.randn(size, **each), {"size": 3, "dtype": None, "requires_grad": False}),
    "arange": (lambda end, **each: pydl.arange(end, **each), {"end": 3, "dtype": None, "requires_grad": False}),
    "linspace": of(pydl.linspace, start=0, end=1, steps=3),
    "logspace": of(pydl.logspace, start=0, end=1, steps=3),
    "eye": of(pydl.eye, n=3),
    "randint": (lambda low, high, size: pydl.randint(low, high, size), {"low": 0, "high": 3, "size": (2,)}),
    "randperm": of(pydl.randperm, n=3),
    "normal": of(pydl.normal, mean=0.0, std=1.0, size=(2,)),
    "bernoulli": of(pydl.bernoulli, input=np.ones(3)),
    "multinomial": of(pydl.multinomial, input=np.ones(3)),
    "set_grad_enabled": (lambda mode: pydl.set_grad_enabled(mode).__exit__(), {"mode": True}),
    "normal_": (lambda **each: pydl.ones(2).normal_(**each), {"mean": 0.0, "std": 1.0}),
    "uniform_": (lambda **each: pydl.ones(2).uniform_(**each), {"a": 0.0, "b": 1.0}),
    "full_like": (pydl.full_like, {"input": X, "fill_value": 1.0, "dtype": None, "requires_grad": False}),
    "rand_like": (pydl.rand_like, {"input": X, "dtype": None, "requires_grad": False}),
    "from_numpy": (pydl.from_numpy, {"array": X}),
    "stack": (pydl.stack, {"tensors": [X, X], "dim": 0}),
    "manual_seed": (pydl.manual_seed, {"seed": 1}),
    "use_backend": (lambda name: pydl.use_backend(name).__exit__(), {"name": "native"}),
    "capture": (pydl.capture, {"function": module(), "fold": False}),
    "capture_step": (
        lambda **each: pydl.capture_step(module(), nn.functional.mse_loss, optimizer(), **each),
        {"before_step": None, "inputs": 1},
    ),
    "size": (lambda dim: pydl.ones(2, 3).size(dim), {"dim": 0}),
    "fill_": (lambda value: pydl.ones(2, 3).fill_(value), {"value": 0}),
    "fill_ integers": (lambda value: pydl.zeros(2, dtype=np.uint8).fill_(value), {"value": 0}),
    "copy_": (lambda source: pydl.ones(2, 2).copy_(source), {"source": np.ones((2, 2))}),
    "setitem": (lambda index, value: pydl.ones(3, 4).__setitem__(index, value), {"index": 0, "value": 1.0}),
    "setitem integers": (lambda value: pydl.zeros(2, dtype=np.uint8).__setitem__(0, value), {"value": 1}),
    "requires_grad_": (lambda value: pydl.ones(2).requires_grad_(value), {"value": True}),
    "register_hook": (lambda hook: pydl.ones(2, requires_grad=True).register_hook(hook), {"hook": print}),
    "backward": (
        lambda **each: pydl.ones(2, requires_grad=True).exp().backward(**each),
        {"gradient": np.ones(2, np.float32), "retain_graph": False},
    ),
    "forward": (lambda input: module()(input), {"input": X}),
    "load_state_dict": (
        lambda **each: module().load_state_dict(**each),
        {"state_dict": module().state_dict(), "strict": True},
    ),
    "state_dict": (lambda prefix: module().state_dict(prefix), {"prefix": "a."}),
    "apply": (lambda fn: module().apply(fn), {"fn": print}),
    "train": (lambda mode: module().train(mode), {"mode": True}),
    "to": (lambda dtype: module().to(dtype), {"dtype": np.float64}),
    "add_module": (lambda name, module_: module().add_module(name, module_), {"name": "a", "module_": None}),
    "register_buffer": (
        lambda **each: module().register_buffer(**each),
        {"name": "a", "tensor": pydl.ones(2), "persistent": True},
    ),
    "register_forward_hook": (lambda hook: module().register_forward_hook(hook), {"hook": print}),
    "save": (lambda **each: pydl.save(**each), {"obj_or_state_dict": module(), "path": "file", "metadata": None}),
}


@pytest.mark.filterwarnings("ignore:.*dropout is applied between layers")
@pytest.mark.parametrize("name", CALLS)
def test_wrong_options(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some of them write files
    function, arguments = CALLS[name]

    def call(**changed):
        made = {key: value() if inspect.isfunction(value) else value for key, value in arguments.items()}
        return function(**{**made, **changed})

    call()
    for key in arguments:
        for value in ANYTHING:
            try:
                call(**{key: value})
                continue
            except ERRORS as error:
                refusal = error
            told = f"{key}={value!r}: {type(refusal).__name__}: {refusal}"
            assert OWN_WORDS.match(str(refusal)) or isinstance(refusal, MemoryError | OSError), told
            assert "\n" not in str(refusal), told
