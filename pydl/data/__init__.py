"""Data sets, the loader that cuts them into batches, and transforms that vary a batch."""

from .augmentation import RandomCrop, RandomErasing, RandomHorizontalFlip
from .byte_pairs import BytePairs
from .catalogues import read_catalogue, read_catalogues
from .collate import collate
from .dataset import ConcatDataset, Dataset, NestedDataset, Subset, TensorDataset, random_split
from .idx import read_idx
from .jitter import ColorJitter, MixUp
from .loader import DataLoader
from .recordings import Recordings
from .samplers import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    class_weights,
)
from .sentence_pairs import SentencePairs
from .sets import LoadedData, load
from .table import Table, TableEncoder, read_csv, write_csv
from .transforms import Compose, Normalize, RandomAffine, affine

__all__ = [
    "BatchSampler",
    "BytePairs",
    "ColorJitter",
    "Compose",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "LoadedData",
    "MixUp",
    "NestedDataset",
    "Normalize",
    "RandomAffine",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomSampler",
    "Recordings",
    "Sampler",
    "SentencePairs",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "Table",
    "TableEncoder",
    "TensorDataset",
    "WeightedRandomSampler",
    "affine",
    "class_weights",
    "collate",
    "load",
    "random_split",
    "read_catalogue",
    "read_catalogues",
    "read_csv",
    "read_idx",
    "write_csv",
]
