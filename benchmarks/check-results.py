#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks what results.py and plots.py make of a small result: that it is kept and read as it was, the ratios in the tables, and that a plot (if
matplotlib is here) has each row's name and is the same when drawn again. Also that the kept results are those of the tables.
"""
import pathlib
import subprocess
import sys
import tempfile

import instructions
import results

HERE = pathlib.Path(__file__).resolve().parent
COMMON = {"machine": "A machine.", "how": "3 rounds.", "noisy": True, "left_out": {"Node": "node: not installed"}}
PROGRAMS = {"section": "core", **COMMON, "works": [{"work": "a callback", "unit": "ns", "lines": [
    {"who": "libawait", "program": "a", "beside": "libawait", "samples": [10.0, 20.0, 40.0, 10.0]},
    # Thrice as slow in each round, and four times by its median.
    {"who": "a peer", "program": "a", "beside": "libawait", "samples": [30.0, 60.0, 120.0, 90.0]},
    {"who": "another program", "program": "b", "beside": "libawait", "samples": [150.0]}]}]}
SERVERS = {"section": "echo", **COMMON, "works": [{"work": "64 B", "unit": "replies/s", "lines": [
    {"who": "libawait", "beside": "raw", "samples": [[50000.0, 9000, 20000, 4000], [100000.0, 9000, 20000, 4000]]},
    {"who": "raw", "beside": "raw", "samples": [[100000.0, 8000, 15000, 2000], [200000.0, 8000, 15000, 2000]]}]}]}
# The machine was twice as slow in the second half of the rounds, and once during one of the two samples.
STEADY = {"section": "datagrams", **COMMON, "works": [{"work": "64 B", "unit": "replies/s", "lines": [
    {"who": "libawait", "beside": "raw",
     "samples": [[50000.0, 9000, 20000, 4000]] * 4 + [[25000.0, 9000, 20000, 8000]] * 4 + [[10000.0, 9000, 20000, 9000]]},
    {"who": "raw", "beside": "raw", "samples": [[100000.0, 8000, 15000, 2000]] * 4 + [[50000.0, 8000, 15000, 4000]] * 5}]}]}
GROWTH = {"section": "growth", **COMMON, "works": [{"work": "a timer, N pending", "unit": "instructions", "bound": "logarithmic", "lines": [
    {"who": f"N = {size}", "program": "", "beside": "N = 50", "samples": [count]} for size, count in ((50, 100), (500, 150), (5000, 1210))]}]}

passed = failed = 0


def check(what, holds):
    global passed, failed
    passed += bool(holds)
    failed += not holds
    if not holds:
        print(f"FAILED: {what}")


def check_tables(folder):
    for result in (PROGRAMS, SERVERS, STEADY, GROWTH):
        results.FOLDER = folder
        results.save(result)
        check(f"{result['section']}: read as it was kept", results.load(results.kept(result["section"])) == result)
    text = results.render(PROGRAMS)
    check("the median of the ratios", "| a peer | 75.0 ns | 30.0 ns – 120 ns | 3.00 |" in text)
    check("the ratio of the medians", "| another program | 150 ns | 150 ns – 150 ns | 10.00 |" in text)
    check("who is missing", "Left out: Node (node: not installed)." in text)
    check("the noise", "Noise:" in text)
    check("growth", "| a timer, N pending | 100 | 150 | 1,210 | 12.10 | logarithmic |" in results.render(GROWTH))
    text = results.render(SERVERS)
    check("a rate and its ratio", "| libawait | 75.0 (0.50) |" in text)
    check("too few rounds", "Too few samples" in text)
    text = results.render(STEADY)
    check("the noise of the samples", "samples of a line lies within 100% of its median" in text)
    check("the noise of the ratios", "ratios of processor times: within 0% of its median" in text)
    text = results.render(SERVERS)
    check("a time", "| libawait | 9.00 / 20.0 |" in text)
    check("a processor time and its ratio", "| libawait | 4.00 (0.50) |" in text)


def check_plots(folder):
    if subprocess.run([sys.executable, "-c", "import matplotlib"], check=False, stderr=subprocess.DEVNULL).returncode:
        return
    for result, names in ((PROGRAMS, ("one.svg", "two.svg")), (SERVERS, ("servers.svg",))):
        drawn = []
        for name in names:
            subprocess.run([sys.executable, HERE / "plots.py", folder / name, results.kept(result["section"])], check=True)
            drawn.append((folder / name).read_text())
        check(f"{result['section']}: drawn twice alike", drawn[0] == drawn[-1])
        for line in result["works"][0]["lines"]:
            check(f"{result['section']}: {line['who']} in the plot", f">{line['who']}<" in drawn[0])


def check_kept():
    """What is kept is what the README files show."""
    readme = (HERE / "README.md").read_text()
    for path in sorted((HERE / "results").glob("*.json")):
        check(f"{path.name}: its tables are in README.md", results.render(results.load(path)) in readme)
    check("the short table is in the project's README", results.summary() in (HERE.parent / "README.md").read_text())


def check_growth():
    check("flat", not instructions.grows(False, {50: 100, 500: 105, 5000: 111}))
    check("not flat", instructions.grows(False, {50: 100, 500: 105, 5000: 126}))
    check("logarithmic", not instructions.grows(True, {50: 100, 500: 160, 5000: 217}))
    check("linear", instructions.grows(True, {50: 100, 500: 200, 5000: 400}))


def main():
    check_growth()
    check_kept()
    with tempfile.TemporaryDirectory() as folder:
        check_tables(pathlib.Path(folder))
        check_plots(pathlib.Path(folder))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
