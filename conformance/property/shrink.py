# SPDX-License-Identifier: MIT
"""Reduces a program that differs: removes statements and replaces blocks by their contents, as long as it still differs."""


class Statement:
    def __init__(self, line):
        self.line = line
        self.blocks = []


def parse(text):
    """Returns (header lines, {body: [statement]})."""
    head, bodies, stack = [], {}, []
    for line in text.splitlines():
        words = line.split()
        if words[0] == "end":
            break
        if words[0] == "body":
            bodies[int(words[1])] = block = []
            stack = [(None, block)]
        elif words[0] == "}":
            owner, _ = stack.pop()
            if len(words) > 1:
                owner.blocks.append([])
                stack.append((owner, owner.blocks[-1]))
        elif stack:
            statement = Statement(line.strip().removesuffix(" {"))
            stack[-1][1].append(statement)
            if words[-1] == "{":
                statement.blocks.append([])
                stack.append((statement, statement.blocks[0]))
        elif words[0] != "program":
            head.append(line)
    return head, bodies


def render(number, head, bodies):
    lines = [f"program {number}", *head]

    def block(statements, depth):
        for s in statements:
            tabs = "\t" * depth
            lines.append(tabs + s.line + (" {" if s.blocks else ""))
            for i, inner in enumerate(s.blocks):
                if i:
                    lines.append(tabs + "} {")
                block(inner, depth + 1)
            if s.blocks:
                lines.append(tabs + "}")

    for number, statements in sorted(bodies.items()):
        lines.append(f"body {number} {{")
        block(statements, 1)
        lines.append("}")
    return "\n".join(lines + ["end"]) + "\n"


def smaller(bodies):
    """Every single reduction: each is applied, yielded and undone."""
    def block(statements):
        for size in (len(statements), len(statements) // 2, 1):
            for at in range(0, len(statements), size or 1):
                kept = statements[at:at + size]
                if not kept or (size == 1 and len(statements) == 1):
                    continue
                del statements[at:at + size]
                yield
                statements[at:at] = kept
        if len(statements) == 1:
            kept = statements[:]
            statements.clear()
            yield
            statements[:] = kept
        for at, one in enumerate(list(statements)):
            if one.blocks:
                inner = [s for b in one.blocks for s in b]
                statements[at:at + 1] = inner
                yield
                statements[at:at + len(inner)] = [one]
            for b in one.blocks:
                yield from block(b)

    for statements in bodies.values():
        yield from block(statements)


def shrink(text, differing, rounds=200):
    """`differing(text of many programs)` returns the numbers of those that differ."""
    head, bodies = parse(text)
    for _ in range(rounds):
        candidates = [render(i, head, bodies) for i, _ in enumerate(smaller(bodies))]
        candidates = sorted(enumerate(candidates), key=lambda c: len(c[1]))
        worse = set(differing("".join(c for _, c in candidates)))
        best = next((c for i, c in candidates if i in worse), None)
        if best is None:
            break
        head, bodies = parse(best)
    return render(0, head, bodies)
