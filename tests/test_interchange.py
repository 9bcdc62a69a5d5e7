"""Weights of PyTorch's networks, through a safetensors file: the same outputs here, and back."""

import numpy as np
import pytest

import pydl
from pydl import nn

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")


def lenet(library):
    return library.Sequential(
        library.Conv2d(1, 20, 5),
        library.ReLU(),
        library.MaxPool2d(2),
        library.Conv2d(20, 40, 5, padding=2, stride=2),
        library.Tanh(),
        library.AvgPool2d(2),
        library.Flatten(),
        library.Linear(360, 50),
        library.Sigmoid(),
        library.Dropout(0.5),
        library.Linear(50, 10),
    ).eval()


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_a_network_from_torch_gives_the_same_outputs(tmp_path, dtype, tolerance):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    theirs, mine = lenet(torch.nn).to(getattr(torch, np.dtype(dtype).name)), lenet(nn).to(dtype)
    save_file(theirs.state_dict(), tmp_path / "lenet.safetensors")
    assert mine.load_state_dict(pydl.load(tmp_path / "lenet.safetensors")) == ([], [])
    x = np.random.default_rng(0).standard_normal((4, 1, 28, 28)).astype(dtype)
    expected = theirs(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(mine(x).detach().numpy(), expected, atol=tolerance, rtol=tolerance)


def test_and_back(tmp_path):
    from safetensors.torch import load_file

    theirs, mine = lenet(torch.nn), lenet(nn)
    pydl.save(mine, tmp_path / "lenet.safetensors")
    theirs.load_state_dict(load_file(tmp_path / "lenet.safetensors"))
    x = np.random.default_rng(0).standard_normal((4, 1, 28, 28)).astype(np.float32)
    expected = theirs(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(mine(x).detach().numpy(), expected, atol=1e-5, rtol=1e-5)


def test_one_training_step_is_the_same():
    theirs, mine = lenet(torch.nn).double(), lenet(nn).double()
    mine.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    optimizer, oracle = pydl.optim.Adam(mine.parameters(), lr=0.01), torch.optim.Adam(theirs.parameters(), lr=0.01)
    rng = np.random.default_rng(0)
    for _ in range(3):
        x, labels = rng.standard_normal((8, 1, 28, 28)), rng.integers(0, 10, 8)
        optimizer.zero_grad()
        oracle.zero_grad()
        loss = nn.functional.cross_entropy(mine(x), labels)
        expected = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(labels))
        loss.backward()
        expected.backward()
        np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-10)
        optimizer.step()
        oracle.step()
    for (name, a), b in zip(mine.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-6, atol=1e-9, err_msg=name)
