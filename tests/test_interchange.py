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


def resnet18(library, width=8, classes=5):
    """ResNet-18's layers under its names, with fewer channels."""

    class Block(library.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1 = library.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = library.BatchNorm2d(outputs)
            self.conv2 = library.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = library.BatchNorm2d(outputs)
            self.relu = library.ReLU()
            self.downsample = None
            if stride != 1 or inputs != outputs:
                self.downsample = library.Sequential(
                    library.Conv2d(inputs, outputs, 1, stride, bias=False), library.BatchNorm2d(outputs)
                )

        def forward(self, x):
            y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return self.relu(y + (x if self.downsample is None else self.downsample(x)))

    class ResNet(library.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = library.Conv2d(3, width, 7, 2, 3, bias=False)
            self.bn1 = library.BatchNorm2d(width)
            self.relu = library.ReLU()
            self.maxpool = library.MaxPool2d(3, 2, 1)
            inputs = width
            for n in range(4):
                outputs = width << n
                first = Block(inputs, outputs, 1 if n == 0 else 2)
                setattr(self, f"layer{n + 1}", library.Sequential(first, Block(outputs, outputs, 1)))
                inputs = outputs
            self.avgpool = library.AdaptiveAvgPool2d((1, 1))
            self.fc = library.Linear(inputs, classes)

        def forward(self, x):
            x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
            for n in range(4):
                x = getattr(self, f"layer{n + 1}")(x)
            return self.fc(self.avgpool(x).flatten(1))

    return ResNet()


def lstm(library):
    class Tagger(library.Module):
        def __init__(self):
            super().__init__()
            self.embedding = library.Embedding(20, 6)
            self.lstm = library.LSTM(6, 8, num_layers=2, bidirectional=True, batch_first=True)
            self.head = library.Linear(16, 4)

        def forward(self, words):
            return self.head(self.lstm(self.embedding(words))[0])

    return Tagger()


NETWORKS = {
    "lenet": (lenet, lambda rng: rng.standard_normal((4, 1, 28, 28)).astype(np.float32)),
    "resnet18": (resnet18, lambda rng: rng.standard_normal((3, 3, 37, 33)).astype(np.float32)),
    "lstm": (lstm, lambda rng: rng.integers(0, 20, (3, 7))),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_go_both_ways(name, tmp_path):
    from safetensors.torch import load_file, save_file

    make, draw = NETWORKS[name]
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    theirs, mine, back = make(torch.nn), make(nn), make(torch.nn)
    x = draw(rng)
    theirs.train()(torch.tensor(x))  # running statistics that are not the first ones
    save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    assert mine.load_state_dict(pydl.load(tmp_path / "theirs.safetensors")) == ([], [])
    pydl.save(mine, tmp_path / "mine.safetensors")
    back.load_state_dict(load_file(tmp_path / "mine.safetensors"))
    want = theirs.eval()(torch.tensor(x)).detach().numpy()
    got = mine.eval()(x).detach().numpy()
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5 * max(1, np.abs(want).max()))
    np.testing.assert_array_equal(back.eval()(torch.tensor(x)).detach().numpy(), want)
