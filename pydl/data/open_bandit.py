"""Impressions and clicks of a fashion shop's recommendations, as the Python package obp holds them.

How often the user clicked which item, the columns user-item_affinity, is left out: on the first day nearly all clicks
(and few other impressions) have such a count, on no other day, so that it seems to include the click to be predicted.

Source: Saito, Aihara, Matsutani, Narita, "Open Bandit Dataset and Pipeline", NeurIPS Datasets and Benchmarks 2021.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from .packages import data_folder
from .table import Table, read_csv

POLICIES, CAMPAIGNS = ("random", "bts"), ("all", "men", "women")


def find_open_bandit(folders: Sequence[str]) -> Table:
    """60,000 impressions: six logs of 10,000, three campaigns under two policies, in November 2019."""
    folder = data_folder(
        "open-bandit", "obp==0.4.1", os.path.join("obp", "dataset", "obd"), "random/all/all.csv", folders
    )
    logs = [_read_log(folder, policy, campaign) for policy in POLICIES for campaign in CAMPAIGNS]
    return Table({name: np.concatenate([log[name] for log in logs]) for name in logs[0].columns})


def _read_log(folder: str, policy: str, campaign: str) -> Table:
    path = os.path.join(folder, policy, campaign)
    log = read_csv(os.path.join(path, f"{campaign}.csv"))
    items = read_csv(os.path.join(path, "item_context.csv"))
    try:
        place = {int(item): row for row, item in enumerate(items["item_id"])}
        shown = np.array([place[int(item)] for item in log["item_id"]])
        times = log["timestamp"].astype(str)
        return Table(
            {
                "policy": np.full(len(log), policy),
                "campaign": np.full(len(log), campaign),
                "item": np.array([f"{campaign} {int(item)}" for item in log["item_id"]]),
                "position": log["position"].astype(int).astype(str),
                "hours": np.array(
                    [f"{int(time[11:13]) // 4 * 4:02d}-{int(time[11:13]) // 4 * 4 + 4:02d}" for time in times]
                ),
                **{f"user_feature_{k}": log[f"user_feature_{k}"].astype(str) for k in range(4)},
                **{f"item_feature_{k}": items[f"item_feature_{k}"].astype(str)[shown] for k in (1, 2, 3)},
                "item_feature_0": items["item_feature_0"][shown],
                "part": np.array([time[8:10] for time in times]),  # the day
                "click": log["click"],
            }
        )
    except (KeyError, ValueError, IndexError) as error:
        raise ValueError(f"load: {path} holds no log of the Open Bandit Dataset, or a damaged one ({error})") from None
