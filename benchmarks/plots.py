#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws a result of results.py: for each work a panel with a bar for each variant, the median of its samples, a line from the least to the most,
and the ratio to what it is compared with. The same result gives the same file: no date, fixed names, and text as text.

usage: plots.py OUTPUT.svg RESULT.json
"""
import pathlib
import statistics
import sys

import matplotlib

import results

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "libawait", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 8,
                            "path.simplify": True})

from matplotlib import pyplot  # noqa: E402: after the choice of what draws

OURS, REFERENCE, OTHERS = "#3b6ea8", "#8a8a8a", "#c9d3df"
WIDTH, BAR, ROOM = 8.0, 0.19, 0.62  # in inches; the room is that of a panel's title and scale
LOGARITHMIC = 20  # from this ratio of the largest to the smallest bar


def colour(work, line):
    if line["who"].startswith("libawait"):
        return OURS
    return REFERENCE if any(other["beside"] == line["who"] for other in work["lines"]) else OTHERS


def panel(axes, work):
    """One work."""
    lines = work["lines"]
    medians = [statistics.median(results.rates(line)) for line in lines]
    axes.barh(range(len(lines)), medians, color=[colour(work, line) for line in lines], height=0.75)
    samples = [results.rates(line) for line in lines]
    axes.hlines(range(len(lines)), list(map(min, samples)), list(map(max, samples)), color="#222222", linewidth=0.8)
    for place, line in enumerate(lines):
        better = (lambda mine, theirs: mine[0] / theirs[0]) if results.of_server(line) else (lambda mine, theirs: mine / theirs)
        times = results.ratio(work, line, better)
        if times is not None:
            axes.annotate(f"× {times:.2f}", (max(samples[place]), place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=7)
    if min(medians) > 0 and max(medians) / min(medians) > LOGARITHMIC:
        axes.set_xscale("log")
        axes.set_xlim(min(medians) / 3, max(medians) * 4)
    else:
        axes.set_xlim(0, max(map(max, samples)) * 1.18)
    axes.set_yticks(range(len(lines)), [line["who"] for line in lines])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    unit = "replies a second" if results.of_server(lines[0]) else {"B": "bytes"}.get(work["unit"], work["unit"])
    axes.set_title(f"{work['work']}, {unit}", loc="left", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def draw(result, output):
    works = result["works"]
    heights = [ROOM + BAR * len(work["lines"]) for work in works]
    figure, all_axes = pyplot.subplots(len(works), 1, figsize=(WIDTH, sum(heights)), squeeze=False, gridspec_kw={"height_ratios": heights},
                                       layout="constrained")
    for work, axes in zip(works, all_axes[:, 0]):
        panel(axes, work)
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, metadata={"Date": None, "Creator": None})
    # matplotlib leaves blanks at the ends of lines.
    output.write_text("".join(f"{line.rstrip()}\n" for line in output.read_text().splitlines()))


if __name__ == "__main__":
    draw(results.load(sys.argv[2]), pathlib.Path(sys.argv[1]))
