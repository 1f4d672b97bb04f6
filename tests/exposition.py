"""Reads the text format of Prometheus, and refuses what is not to its letter.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
import re
import shutil
import subprocess
from itertools import groupby, pairwise
from typing import NamedTuple

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
ENDS = {"histogram": ("_bucket", "_sum", "_count")}


class Sample(NamedTuple):
    name: str
    labels: frozenset[tuple[str, str]]


class Exposition(NamedTuple):
    """Kinds by the name of a family, and values by sample."""

    kinds: dict[str, str]
    values: dict[Sample, float]

    def of(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of a name that have these labels."""
        found = [
            value
            for sample, value in self.values.items()
            if sample.name == name and labels.items() <= sample.labels
        ]
        assert found, (name, labels)
        return sum(found)


def read(text: str) -> Exposition:
    """Return what a text says, each family with its help and its kind before it."""
    assert text.endswith("\n")
    kinds: dict[str, str] = {}
    values: dict[Sample, float] = {}
    lines = text.splitlines()
    family = ""
    for before, line in pairwise(["", *lines]):
        if line.startswith("# HELP "):
            _, _, family, sentence = line.split(" ", 3)
            assert sentence, line
            assert family not in kinds, line
        elif line.startswith("# TYPE "):
            assert before.startswith(f"# HELP {family} "), line
            _, _, name, kinds[family] = line.split(" ")
            assert name == family
            assert (kinds[family] == "counter") == family.endswith("_total"), line
        else:
            sample, value = _sample(line)
            ends = ENDS.get(kinds[family], ("",))
            assert sample.name in [family + end for end in ends], line
            assert sample not in values, line
            values[sample] = value
    for family in (name for name, kind in kinds.items() if kind == "histogram"):
        _check_histogram(family, values)
    return Exposition(kinds, values)


def _sample(line: str) -> tuple[Sample, float]:
    found = SAMPLE.fullmatch(line)
    assert found, line
    pairs = re.findall(LABEL, found[2] or "")
    assert len(dict(pairs)) == len(pairs), line
    labels = frozenset((name, _unescaped(text)) for name, text in pairs)
    return Sample(found[1], labels), float(line.rpartition(" ")[2])


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: found[1].replace("n", "\n"), text)


def _check_histogram(name: str, values: dict[Sample, float]) -> None:
    """Refuse buckets that do not ascend up to the count of all."""
    buckets = [
        (sorted(it for it in sample.labels if it[0] != "le"), dict(sample.labels), n)
        for sample, n in values.items()
        if sample.name == f"{name}_bucket"
    ]
    for labels, group in groupby(buckets, key=lambda bucket: bucket[0]):
        bounds, counts = zip(*((float(it["le"]), n) for _, it, n in group), strict=True)
        assert list(bounds) == sorted(set(bounds))
        assert bounds[-1] == math.inf
        assert list(counts) == sorted(counts)
        assert values[Sample(f"{name}_count", frozenset(labels))] == counts[-1]
        assert Sample(f"{name}_sum", frozenset(labels)) in values


def has_promtool() -> bool:
    return shutil.which("promtool") is not None


def promtool(*words: str, given: str = "") -> str:
    """Return what promtool says, which has nothing against it."""
    ended = subprocess.run(
        ["promtool", *words], input=given, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr
