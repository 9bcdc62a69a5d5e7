"""The names that other programs rely on, and that functions and layers take PyTorch's arguments in PyTorch's order."""

import ast
import importlib
import inspect
import re

import numpy as np
import pytest

import pydl
from pydl.nn import functional

PROMISED = {
    "pydl": """bool double e float float32 float64 inf int int8 int16 int32 int64 long nan pi short uint8 inference_mode
        set_grad_enabled is_tensor
        Tensor tensor zeros ones full arange randn rand no_grad manual_seed use_backend set_num_threads
        get_num_threads save load __version__ show_config Trainer diagnose nn optim data training lab plot bench
        audio""",
    "pydl.nn": """SELU CELU Mish Softsign LogSigmoid Tanhshrink Softmin Softmax2d GLU PReLU Hardtanh ReLU6
        Hardsigmoid Hardswish Threshold Softshrink Hardshrink Upsample PixelShuffle PixelUnshuffle CosineSimilarity
        Unflatten AlphaDropout Dropout1d Dropout2d ModuleDict ParameterList ZeroPad1d ZeroPad2d ConstantPad1d
        ConstantPad2d ReflectionPad1d ReflectionPad2d ReplicationPad1d ReplicationPad2d CircularPad1d CircularPad2d
        Conv1d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d
        MaxPool1d MaxPool3d AvgPool1d AvgPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d
        AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d
        Linear Conv2d MaxPool2d AvgPool2d Flatten Dropout ReLU LeakyReLU ELU GELU SiLU Sigmoid Tanh Softplus
        Softmax LogSoftmax RNN RNNCell LSTM LSTMCell GRU GRUCell Sequential ModuleList Identity Module Parameter
        CrossEntropyLoss NLLLoss MSELoss L1Loss BCELoss BCEWithLogitsLoss CTCLoss functional init BatchNorm1d
        BatchNorm2d BatchNorm3d LayerNorm RMSNorm GroupNorm
        InstanceNorm1d InstanceNorm2d InstanceNorm3d Embedding EmbeddingBag
        MultiheadAttention SmoothL1Loss HuberLoss KLDivLoss Unfold Fold
        CosineEmbeddingLoss MarginRankingLoss fuse_conv_bn_eval TripletMarginLoss TripletMarginWithDistanceLoss
        HingeEmbeddingLoss SoftMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss MultiLabelMarginLoss GaussianNLLLoss
        PoissonNLLLoss PairwiseDistance LocalResponseNorm ChannelShuffle UpsamplingNearest2d UpsamplingBilinear2d
        Dropout3d ZeroPad3d ConstantPad3d ReflectionPad3d ReplicationPad3d CircularPad3d RReLU ParameterDict Transformer
        TransformerEncoder TransformerEncoderLayer TransformerDecoder TransformerDecoderLayer Maxout Residual
        BahdanauAttention LuongAttention EncoderAttention detach_states""",
    "pydl.nn.functional": """selu celu mish softsign logsigmoid tanhshrink softmin glu prelu hardtanh relu6
        hardsigmoid hardswish threshold softshrink hardshrink interpolate normalize cosine_similarity pixel_shuffle
        pixel_unshuffle alpha_dropout dropout1d dropout2d
        conv1d conv3d conv_transpose1d conv_transpose2d conv_transpose3d
        max_pool1d max_pool3d avg_pool1d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
        adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
        linear conv2d max_pool2d avg_pool2d relu leaky_relu elu gelu silu sigmoid tanh softplus
        softmax log_softmax dropout pad one_hot cross_entropy ctc_loss nll_loss mse_loss l1_loss binary_cross_entropy
        binary_cross_entropy_with_logits batch_norm layer_norm rms_norm group_norm
        instance_norm embedding embedding_bag scaled_dot_product_attention smooth_l1_loss huber_loss kl_div
        unfold fold cosine_similarity pairwise_distance cosine_embedding_loss margin_ranking_loss
        triplet_margin_loss triplet_margin_with_distance_loss hinge_embedding_loss soft_margin_loss
        multilabel_soft_margin_loss multi_margin_loss multilabel_margin_loss gaussian_nll_loss poisson_nll_loss
        gumbel_softmax local_response_norm rrelu dropout3d maxout""",
    "pydl.nn.init": """normal_ uniform_ constant_ zeros_ ones_ xavier_normal_ xavier_uniform_ kaiming_normal_
        kaiming_uniform_ orthogonal_ trunc_normal_ eye_ dirac_ calculate_gain""",
    "pydl.optim": """SGD Adadelta Adagrad RMSprop Adam Adamax AdamW NAdam RAdam EMA
        Optimizer lr_scheduler clip_grad_norm_ clip_grad_value_
        clip_max_norm_ l1_penalty l2_penalty""",
    "pydl.data": """ConcatDataset Dataset TensorDataset
        NestedDataset DataLoader Subset random_split load Sampler SequentialSampler
        RandomSampler SubsetRandomSampler WeightedRandomSampler BatchSampler class_weights Compose Normalize
        RandomAffine RandomCrop RandomErasing RandomHorizontalFlip ColorJitter MixUp""",
    "pydl.plot": """learning_curve confusion_matrix filters feature_maps most_confused layer_histograms""",
    "pydl.decoding": """ctc_greedy ctc_beam_search ctc_align beam_search edit_distance word_error_rate
        character_error_rate""",
    "pydl.training": """Trainer Callback History EarlyStopping Checkpoint ProgressBar LRSchedule accuracy
        confusion_matrix bleu chrf CSVLogger JSONLogger TensorBoard NaNGuard WeightAveraging find_learning_rate""",
    "pydl.lab": """gradcheck gradient_flow unsaturated_band widest_band gradient_lengths train_adder descend_cliff""",
    "pydl.audio": """read_wav write_wav resample stft hann_window hamming_window hz_to_mel mel_to_hz melscale_fbanks
        vocal_tract_fbanks log_mel_spectrogram create_dct mfcc compute_deltas SpecAugment""",
}
OPERATIONS = """abs acos acosh
    add addbmm addcdiv addcmul addmm addmv addr all allclose amax amin any argmax argmin argsort
    argwhere asin asinh atan atan2 atanh atleast_1d atleast_2d atleast_3d baddbmm bernoulli bincount bitwise_and
    bitwise_not bitwise_or bitwise_xor block_diag bmm broadcast_tensors broadcast_to bucketize cartesian_prod cat
    cdist ceil channel_shuffle chunk clamp clip clone column_stack combinations concat concatenate corrcoef cos
    cosh count_nonzero cov cross cummax cummin cumprod cumsum deg2rad diag diag_embed diagflat diagonal diff dist
    div dot dstack einsum empty empty_like eq equal erf exp exp2 expm1 eye flatten flip fliplr flipud floor
    floor_divide fmod frac gather ge gt histc histogram hsplit hstack hypot index_add index_copy index_fill
    index_select inner is_nonzero isclose isfinite isin isinf isnan isneginf isposinf kron kthvalue le lerp
    linspace log log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor logit logspace
    logsumexp lt masked_fill masked_scatter masked_select matmul max maximum mean median meshgrid min minimum mm
    mode moveaxis movedim msort mul multinomial mv nan_to_num nanmean nanmedian nanquantile nansum narrow ne neg
    nonzero norm normal outer permute pow prod quantile rad2deg randint randperm ravel reciprocal relu remainder
    repeat_interleave reshape roll rot90 round row_stack rsqrt scatter scatter_add searchsorted select sigmoid
    sign sin sinh softmax sort split sqrt square squeeze stack std std_mean sub sum swapaxes swapdims t take
    take_along_dim tan tanh tensor_split tensordot tile topk trace transpose tril tril_indices triu triu_indices
    trunc unbind unflatten unique unique_consecutive unsqueeze var var_mean vdot vsplit vstack where xlogy"""
PROMISED["pydl"] += " " + OPERATIONS
METHODS = {
    pydl.Tensor: "data grad shape dtype numpy item detach backward",
    pydl.nn.Module: "parameters named_parameters state_dict load_state_dict train eval zero_grad apply named_modules",
    pydl.Trainer: "fit evaluate predict find_learning_rate",
}


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in PROMISED.items() for name in names.split()]
)
def test_name(module, name):
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
    ("owner", "name"),
    [pytest.param(owner, name, id=f"{owner.__name__}.{name}") for owner in METHODS for name in METHODS[owner].split()],
)
def test_method(owner, name):
    assert hasattr(owner, name)


def parameters(function):
    """name -> default of a function's or class's parameters; none of what is written in C."""
    try:
        return {name: each.default for name, each in inspect.signature(inspect.unwrap(function)).parameters.items()}
    except ValueError:
        return {}


@pytest.mark.parametrize(
    "path",
    [
        *(f"functional.{name}" for name in PROMISED["pydl.nn.functional"].split()),
        *(name for name in PROMISED["pydl.nn"].split() if inspect.isclass(getattr(pydl.nn, name))),
    ],
)
def test_arguments_are_those_of_pytorch(path):
    torch = pytest.importorskip("torch")
    ours, theirs = pydl.nn, torch.nn
    for name in path.split("."):
        ours, theirs = getattr(ours, name), getattr(theirs, name, None)
    if theirs is None:
        known = name in ("Maxout", "Residual", "maxout") or name.endswith("Attention")
        assert known, "a name that PyTorch does not have"
        return
    ours, theirs = parameters(ours), parameters(theirs)
    shared = [name for name in ours if name in theirs]
    assert shared == [name for name in theirs if name in ours], "another order"
    # Some have to be given here (the dim of softmax), and a dtype is numpy's.
    defaults = [
        name for name in shared if name not in ("dtype", "activation") and ours[name] is not inspect.Parameter.empty
    ]
    assert {name: ours[name] for name in defaults} == {name: theirs[name] for name in defaults}


def documented(function):
    """As parameters(), of what is written in C: from the first call in its documentation, defaults as text."""
    text = re.match(r"\s*(?:torch\.)?\w+(\(.*?\)) ?->", function.__doc__ or "", re.S)
    try:
        arguments = ast.parse(f"def f{text[1]}: ...").body[0].args if text else None
    except SyntaxError:
        return {}
    if arguments is None:
        return {}
    places = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(places) - len(arguments.defaults)) + arguments.defaults
    pairs = [*zip(places, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return {each.arg: default and ast.unparse(default) for each, default in pairs}


# What differs: topk's None means -1, and some defaults are documented otherwise than they are.
OTHERWISE = {"topk": {"dim"}, "roll": {"dims"}, "std": {"correction"}, "var": {"correction"}}
OTHERWISE |= {"kthvalue": {"dim"}, "randperm": {"dtype"}}
OTHERWISE |= {"std_mean": {"correction"}, "var_mean": {"correction"}}


@pytest.mark.parametrize("name", OPERATIONS.split())
def test_operations_take_the_arguments_of_pytorch(name):
    torch = pytest.importorskip("torch")
    if not hasattr(torch, name):
        assert name in ("scatter", "repeat")
        return
    other = OTHERWISE.get(name, ())
    ours = {each: default for each, default in parameters(getattr(pydl, name)).items() if each not in other}
    theirs = documented(getattr(torch, name))
    shared = [each for each in ours if each in theirs]
    assert shared == [each for each in theirs if each in ours], "another order"
    for each in shared:
        if ours[each] is not inspect.Parameter.empty and theirs[each] is not None:
            assert ours[each] == ast.literal_eval(theirs[each]), each


def test_functions_are_imported_by_name():
    from pydl.nn.functional import cross_entropy, mse_loss, relu

    x = np.array([[1.0, -2.0]])
    assert relu(x).tolist() == [[1.0, 0.0]]
    assert mse_loss(x, np.zeros((1, 2))).item() == 2.5
    assert cross_entropy(x, np.array([0])).item() == pytest.approx(np.log1p(np.exp(-3.0)))
    assert functional.relu is pydl.ops.relu
