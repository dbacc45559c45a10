# SPDX-License-Identifier: MIT
"""What was measured: kept as JSON beside the tables, from which tables and plots are made again without measuring.

A result is a section's works; a work has a line for each variant, with the samples of all rounds. A sample is a number, or, of a server, a list:
the replies a second, the median and the 99th percentile of the time to a reply, and the server's processor time for a reply.
"""
import json
import pathlib
import statistics

FOLDER = pathlib.Path(__file__).resolve().parent / "results"
RATE, MEDIAN, HIGH, PROCESSOR = range(4)


def kept(section):
    return FOLDER / f"{section}.json"


def save(result):
    """A line for each variant, so that a difference shows what has changed."""
    lines = []
    for work in result["works"]:
        inside = ",\n".join(f"      {json.dumps(line, ensure_ascii=False)}" for line in work["lines"])
        head = json.dumps({key: value for key, value in work.items() if key != "lines"}, ensure_ascii=False)
        lines.append(f'    {head[:-1]}, "lines": [\n{inside}\n    ]}}')
    head = json.dumps({key: value for key, value in result.items() if key != "works"}, ensure_ascii=False, indent=2)
    FOLDER.mkdir(exist_ok=True)
    works = ",\n".join(lines)
    kept(result["section"]).write_text(f'{head[:-2]},\n  "works": [\n{works}\n  ]\n}}\n')


def load(path):
    return json.loads(pathlib.Path(path).read_text())


def of_server(line):
    return isinstance(line["samples"][0], list)


def rates(line):
    """What a plot shows: the numbers, or a server's replies a second."""
    return [sample[RATE] for sample in line["samples"]] if of_server(line) else line["samples"]


def reference(work, line):
    """The line with which this one is compared, or None."""
    return next((other for other in work["lines"] if other["who"] == line["beside"]), None)


def ratios(work, line, better):
    """Those of each round. `better` divides two samples."""
    other = reference(work, line)
    try:
        return list(map(better, line["samples"], other["samples"])) if other else []
    except ZeroDivisionError:  # no reply in a sample that was too short
        return []


def ratio(work, line, better=lambda mine, theirs: mine / theirs):
    """The median of the ratios of each round, which holds where a noisy neighbour slows a round down. Programs whose rounds are not the same ones
    are compared by their medians. `better` divides two samples."""
    other = reference(work, line)
    if other is None:
        return None
    mine, theirs = line["samples"], other["samples"]
    try:
        if line.get("program") == other.get("program"):
            return statistics.median(map(better, mine, theirs))
        return better(statistics.median(mine), statistics.median(theirs))
    except ZeroDivisionError:  # no reply in a sample that was too short
        return None


# ---- tables ----

def digits(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def table(works):
    """Of programs: a line for each variant."""
    lines = ["| what | who | median | range | × |", "|---|---|---:|---:|---:|"]
    for work in works:
        unit = work["unit"]
        for number, line in enumerate(work["lines"]):
            samples = line["samples"]
            shown = [f"{digits(value)} {unit}" for value in (statistics.median(samples), min(samples), max(samples))]
            if unit == "ns" and max(samples) >= 100_000:
                shown = [f"{value / 1000:,.{0 if value >= 1e5 else 1}f} µs" for value in (statistics.median(samples), min(samples), max(samples))]
            times = ratio(work, line)
            label = "" if number else work["work"]
            lines.append(f"| {label} | {line['who']} | {shown[0]} | {shown[1]} – {shown[2]} | {'' if times is None else f'{times:.2f}'} |")
    return "\n".join(lines)


def table_of_growth(works):
    """A column for each number of things; the last one is the ratio of the most to the fewest."""
    sizes = [line["who"] for line in works[0]["lines"]]
    lines = [f"| instructions of one | {' | '.join(sizes)} | × | must be |", "|---" + "|---:" * (len(sizes) + 1) + "|---|"]
    for work in works:
        counts = [f"{line['samples'][0]:,}" for line in work["lines"]]
        lines.append(f"| {work['work']} | {' | '.join(counts)} | {ratio(work, work['lines'][-1]):.2f} | {work['bound']} |")
    return "\n".join(lines)


def thousands(value):
    return f"{value / 1000:,.{3 if value < 1000 else 2 if value < 10_000 else 1 if value < 100_000 else 0}f}"


def microseconds(value):
    return f"{value / 1000:,.{2 if value < 10_000 else 1 if value < 100_000 else 0}f}"


def tables_of_servers(works):
    """A column for each case, and a table for each thing that is measured."""
    everybody = list(dict.fromkeys(line["who"] for work in works for line in work["lines"]))
    lines = {(work["work"], line["who"]): line for work in works for line in work["lines"]}

    def one(title, text):
        rows = [f"{title}:", "", "| who | " + " | ".join(work["work"] for work in works) + " |", "|---|" + "---:|" * len(works)]
        rows += [f"| {who} | " + " | ".join(text(work, lines[work["work"], who]) if (work["work"], who) in lines else "" for work in works) + " |"
                 for who in everybody]
        return "\n".join(rows)

    def middle(line, what, show):
        return show(statistics.median(sample[what] for sample in line["samples"]))

    def compared(work, line, better):
        value = ratio(work, line, better)
        return "" if value is None else f" ({value:.2f})"

    def rate(work, line):
        return middle(line, RATE, thousands) + compared(work, line, rate_of)

    def latency(_, line):
        return " / ".join(middle(line, what, microseconds) for what in (MEDIAN, HIGH))

    def processor(work, line):
        return middle(line, PROCESSOR, microseconds) + compared(work, line, processor_of)

    return "\n\n".join([one("Thousands of replies a second, and the ratio (above 1: more)", rate),
                        one("Time to a reply, median / 99th percentile, in µs", latency),
                        one("The server's processor time for a reply, in µs, and the ratio (above 1: less)", processor)])


def rate_of(mine, theirs):
    """The ratio of two servers' rates."""
    return mine[RATE] / theirs[RATE]


def processor_of(mine, theirs):
    """The ratio of two servers' processor times; above 1, mine is less."""
    return theirs[PROCESSOR] / mine[PROCESSOR]


def spread(samples):
    """How far apart the quarters of some samples lie, as a part of the median; None if they are too few, or if there was no reply in most."""
    if len(samples) < 4 or not statistics.median(samples):
        return None
    low, _, high = statistics.quantiles(samples, n=4)
    return (high - low) / statistics.median(samples)


def spreads(works, samples_of):
    """By work and line."""
    parts = {f"{work['work']}: {line['who']}": spread(samples_of(work, line)) for work in works for line in work["lines"]}
    return {name: part for name, part in parts.items() if part is not None}


def usual_and_worst(parts):
    worst = max(parts, key=parts.get)
    return f"{statistics.median(parts.values()):.0%} of its median for the usual line, and within {parts[worst]:.0%} for the worst ({worst})"


def noise(works):
    """How much the samples differ; of servers also the ratios in the tables, of which a round's disturbances are a smaller part."""
    parts = spreads(works, lambda work, line: rates(line))
    if not parts:
        return "Too few samples to tell the noise."
    text = f"Noise: the middle half of the samples of a line lies within {usual_and_worst(parts)}."
    if not of_server(works[0]["lines"][0]):
        return text
    for what, divide in (("rates", rate_of), ("processor times", processor_of)):
        parts = spreads(works, lambda work, line, divide=divide: ratios(work, line, divide) if line["who"] != line["beside"] else [])
        if parts:
            text += f" That of the rounds' ratios of {what}: within {usual_and_worst(parts)}."
    return text


def render(result):
    """The Markdown of a section."""
    works, parts = result["works"], []
    if works:
        tables = tables_of_servers if of_server(works[0]["lines"][0]) else table_of_growth if works[0]["unit"] == "instructions" else table
        parts.append(tables(works))
    if result["left_out"]:
        parts.append("Left out: " + "; ".join(f"{name} ({reason})" for name, reason in result["left_out"].items()) + ".")
    tail = noise(works) if result["noisy"] else ""
    parts.append(f"{result['machine']}\n{result['how']} {tail}".rstrip())
    return "\n\n".join(parts)


# ---- the short table of the project's README ----

# Section, work, how it is called there, libawait's line, and those of peers.
SUMMARY = (
    ("core", "a task spawned and joined, 1,000 at once", "a task spawned and joined, 1,000 at once", "libawait, stackful",
     {"Go, GOMAXPROCS=1": "Go", "tokio: spawn": "tokio", "Boost.Asio: co_spawn": "Boost.Asio", "asyncio, Python 3.11": "asyncio"}),
    ("core", "an item through a queue of 1,000", "an item through a queue of 1,000", "libawait: aw_queue",
     {"Go, GOMAXPROCS=1": "Go", "tokio: mpsc::channel": "tokio", "asyncio, Python 3.11": "asyncio"}),
    ("core", "a timer set and fired, 10,000 at once", "a timer set and fired, 10,000 at once", "libawait: aw_loop_call_later",
     {"libev: ev_timer": "libev", "libuv: uv_timer": "libuv", "tokio: sleep": "tokio", "asyncio, Python 3.11": "asyncio"}),
    ("core", "/bin/true, from a parent of 1 GiB", "`/bin/true` from a parent of 1 GiB", "libawait, epoll",
     {"posix_spawn and waitpid": "posix_spawn", "libuv: uv_spawn": "libuv"}),
    ("echo", "64 B, 50", "echo, 64 bytes, 50 connections: processor time of a reply", "libawait, protocol, epoll",
     {"raw epoll": "raw epoll", "libuv": "libuv", "tokio": "tokio", "Go": "Go", "uvloop": "uvloop", "Node": "Node"}),
    ("http", "1 KiB, 50", "HTTP, 1 KiB, 50 connections: processor time of a reply", "libawait, epoll",
     {"nginx": "nginx", "hyper": "hyper", "Go net/http": "Go", "Node": "Node"}),
)


def readable(value):
    """Of a time in nanoseconds."""
    return f"{microseconds(value)} µs" if value >= 1000 else f"{digits(value)} ns"


def summary():
    """The Markdown of a few works of the kept results, beside their peers."""
    rows = ["| work | libawait | peers |", "|---|---:|---|"]
    for section, work, title, mine, peers in SUMMARY:
        lines = next(kept_work["lines"] for kept_work in load(kept(section))["works"] if kept_work["work"] == work)
        medians = {line["who"]: readable(statistics.median(sample[PROCESSOR] if of_server(line) else sample for sample in line["samples"]))
                   for line in lines}
        rows.append(f"| {title} | {medians[mine]} | {', '.join(f'{name} {medians[who]}' for who, name in peers.items() if who in medians)} |")
    return "\n".join(rows)
