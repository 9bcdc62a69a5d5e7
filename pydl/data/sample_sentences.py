"""Made sentences: a grammar of a few words, which lets a translator run where no real text is installed.

Nobody wrote them; every English sentence of the grammar has one Chinese translation, by rule.
"""

from __future__ import annotations

from itertools import product

from .sentence_pairs import SentencePairs

VERBS = {"open": "打开", "close": "关闭", "copy": "复制", "delete": "删除", "print": "打印", "move": "移动"}
ADJECTIVES = {"": "", "new ": "新的", "large ": "大的", "red ": "红色的", "empty ": "空的"}
NOUNS = {"file": "文件", "page": "页面", "table": "表格", "picture": "图片", "window": "窗口"}


def make_sentences() -> SentencePairs:
    """All sentences of the grammar: "open the new file" is 打开新的文件."""
    chosen = list(product(VERBS, ADJECTIVES, NOUNS))
    return SentencePairs(
        [f"{verb} the {adjective}{noun}" for verb, adjective, noun in chosen],
        [VERBS[verb] + ADJECTIVES[adjective] + NOUNS[noun] for verb, adjective, noun in chosen],
    )
