"""Transformers with PyTorch's weights give PyTorch's outputs."""

import copy

import numpy as np
import pytest
from checks import torch

import pydl
from pydl import nn

RNG = np.random.default_rng(0)
SRC, TGT = (RNG.standard_normal(shape).astype(np.float32) for shape in ((5, 2, 8), (4, 2, 8)))


def with_the_same_weights(mine, theirs):
    assert list(mine.state_dict()) == list(theirs.state_dict())
    mine.load_state_dict({name: each.numpy() for name, each in theirs.state_dict().items()})
    return mine.eval(), theirs.eval()


@pytest.mark.parametrize("options", [{}, {"norm_first": True, "activation": "gelu"}, {"bias": False}])
def test_layers_as_in_pytorch(options):
    mine, theirs = with_the_same_weights(
        nn.TransformerEncoderLayer(8, 2, 16, **options), torch.nn.TransformerEncoderLayer(8, 2, 16, **options)
    )
    close(mine(SRC), theirs(torch.tensor(SRC)))
    hidden = np.triu(np.ones((5, 5), bool), 1)
    padding = np.array([[False] * 5, [False] * 3 + [True] * 2])
    close(mine(SRC, hidden, padding), theirs(torch.tensor(SRC), torch.tensor(hidden), torch.tensor(padding)))
    mine, theirs = with_the_same_weights(
        nn.TransformerDecoderLayer(8, 2, 16, **options), torch.nn.TransformerDecoderLayer(8, 2, 16, **options)
    )
    close(mine(TGT, SRC), theirs(torch.tensor(TGT), torch.tensor(SRC)))
    causal = nn.Transformer.generate_square_subsequent_mask(4)
    close(
        mine(TGT, SRC, causal, memory_key_padding_mask=padding),
        theirs(
            *map(torch.tensor, (TGT, SRC)),
            torch.nn.Transformer.generate_square_subsequent_mask(4).isinf(),
            memory_key_padding_mask=torch.tensor(padding),
        ),
    )


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_transformer_as_in_pytorch(batch_first):
    mine, theirs = with_the_same_weights(
        nn.Transformer(8, 2, 2, 1, 16, batch_first=batch_first),
        torch.nn.Transformer(8, 2, 2, 1, 16, batch_first=batch_first),
    )
    src, tgt = (each.swapaxes(0, 1) if batch_first else each for each in (SRC, TGT))
    close(mine(src, tgt), theirs(*map(torch.tensor, (src, tgt))))
    y = mine.train()(src, tgt).sum()
    y.backward()
    assert all(each.grad is not None for each in mine.parameters())


def test_stacks_have_weights_of_their_own():
    layer = nn.TransformerEncoderLayer(4, 1, 4)
    stack = nn.TransformerEncoder(layer, 2, nn.LayerNorm(4))
    assert len({id(each) for each in (*layer.parameters(), *stack.parameters())}) == 3 * 12 + 2
    assert len(list(nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 1, 4), 3).layers)) == 3
    assert copy.deepcopy(layer).activation is pydl.relu


def close(mine, theirs):
    np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: nn.TransformerEncoderLayer(8, 3),
            ValueError,
            "TransformerEncoderLayer: d_model is 8 but must be a mult",
        ),
        (
            lambda: nn.TransformerEncoderLayer(8, 2, activation="x"),
            ValueError,
            "TransformerEncoderLayer: activation must",
        ),
        (
            lambda: nn.TransformerEncoder(nn.Linear(2, 2), 1),
            TypeError,
            "TransformerEncoder: the layer must be a Transform",
        ),
        (
            lambda: nn.Transformer(custom_encoder=3),
            TypeError,
            "Transformer: a custom encoder or decoder is a Module, not",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
