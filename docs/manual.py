#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the manual pages from the comments of the public headers: one in section 3 for each function, and
libawait(7) and libawait-info(1).

A comment is a description and a tail. A paragraph that begins with "Returns:", "Errors:", "Thread:",
"Cancellation:" or "asyncio:" becomes the section of that name; all other paragraphs are the description. Without a
"Returns:" paragraph, the sentences "Returns ..." of the description are the return value. "Errors:" is a list of
codes, separated by semicolons, each with its condition; sentences after the list follow it.

"Since X.Y.Z" in a comment, or else in the @file comment of the header, is the version that added the function.

usage: manual.py --names HEADER…             prints the names of the functions
       manual.py FOLDER VERSION HEADER…      writes the pages into FOLDER
"""
import dataclasses
import pathlib
import re
import sys

CODE = re.compile(r'(?:::)?(AW_E[A-Z]+)\b|(?<![\w-])-(E[A-Z][A-Z0-9]+)\b')
CODES = re.compile(rf'(?:{CODE.pattern})(?:(?:, | and | or )(?:{CODE.pattern}))*')
SINCE = re.compile(r'\bSince (\d+\.\d+\.\d+)\b')
TAIL = {'Returns': 'RETURN VALUE', 'Errors': 'ERRORS', 'Thread': 'THREADS', 'Cancellation': 'CANCELLATION', 'asyncio': 'ASYNCIO'}
SECTIONS = ['DESCRIPTION', 'RETURN VALUE', 'ERRORS', 'THREADS', 'CANCELLATION', 'ASYNCIO']
# The errnos that the comments name and aw_error_code does not explain.
ERRNO = {'EPERM': 'the operation is not permitted', 'ENOENT': 'the file does not exist', 'ESRCH': 'the process does not exist', 'EAGAIN': 'nothing now',
         'ENOMEM': 'no memory', 'EBUSY': 'it is in use', 'EINVAL': 'an argument is not valid', 'ENOTSUP': 'not supported here',
         'EBADF': 'it is not an open descriptor', 'EMFILE': 'the process has no descriptor left', 'ENFILE': 'the system has no descriptor left',
         'ENOSYS': 'the kernel does not have the call', 'ECHILD': 'it is not a child of this process', 'EEXIST': 'it exists already',
         'EINTR': 'a signal interrupted the call', 'EPIPE': 'the other end is closed for reading', 'ERANGE': 'a number is out of range',
         'EOVERFLOW': 'a number is too large', 'ECANCELED': 'it was cancelled', 'ENOSPC': 'no space is left', 'EIO': 'input or output failed',
         'EDEADLK': 'the call would wait for itself', 'E2BIG': 'the arguments are too long', 'EACCES': 'access is denied', 'ENODEV': 'the device does not exist',
         'ETIMEDOUT': 'the time limit expired', 'EALREADY': 'it is already in progress'}


@dataclasses.dataclass
class Item:
    name: str
    text: str       # the comment
    code: str       # the declaration, without attributes
    header: str
    group: str = ''   # the title of its group, a line; and what holds for all of the group
    since: str = ''


@dataclasses.dataclass
class Reference:
    functions: dict = dataclasses.field(default_factory=dict)
    typedefs: dict = dataclasses.field(default_factory=dict)   # of functions
    enums: dict = dataclasses.field(default_factory=dict)
    briefs: dict = dataclasses.field(default_factory=dict)     # of headers
    since: dict = dataclasses.field(default_factory=dict)      # of headers
    rules: str = ''                                            # base.h's


# ---- reading the headers ----

def comment_text(comment):
    """The comment without its stars; an empty line is a new paragraph."""
    lines = [re.sub(r'^\s*\* ?', '', line) for line in comment[3:-2].strip().splitlines()]
    return '\n'.join(line.rstrip() for line in lines).strip()


def declaration(text):
    """The first declaration of `text`, flat, up to its semicolon; braces count."""
    depth = 0
    for i, c in enumerate(text):
        depth += (c in '{(') - (c in '})')
        if c == ';' and depth == 0:
            return ' '.join(text[:i].split())
    return ''


def read_header(path, reference):
    text = path.read_text()
    group = ''
    for match in re.finditer(r'/\*\*(?!<).*?\*/', text, flags=re.S):
        comment = comment_text(match.group())
        if comment.startswith('@file'):
            brief, *body = comment.split('\n', 1)[1].split('\n\n')
            reference.briefs[path.name] = brief.replace('\n', ' ').strip()
            since = SINCE.match(body[-1]) if body else None
            if not since:
                sys.exit(f'{path}: the @file comment does not end with "Since X.Y.Z, unless an entry says otherwise."')
            reference.since[path.name] = since[1]
            if path.name == 'base.h':
                reference.rules = '\n\n'.join(body[:-1])
            continue
        if comment.startswith('@name'):
            group = comment[5:].strip()
            continue
        if comment.startswith('@}'):
            group = ''
        if comment.startswith('@'):
            continue
        rest = text[match.end():]
        if re.match(r'\s*#|\s*/\*', rest):
            continue
        if rest.lstrip().startswith('enum'):
            # A comment before a value is treated as one after it.
            rest = re.sub(r'/\*\*(?!<)((?:(?!\*/).)*)\*/\s*(AW_\w+ = -?\w+,?)',
                          lambda m: f'{m[2]} /**<{comment_text("/**" + m[1] + "*/")} */', rest, flags=re.S)
        code = declaration(re.sub(r'/\*.*?\*/', lambda m: m.group() if m.group().startswith('/**<') else ' ', rest, flags=re.S))
        if re.match(r'(AW_STACKFUL )?(AW_NODISCARD )?AW_\w*API\b|AW_\w+(\(.*?\))? .*\bAW_API\b', code):
            plain = re.sub(r'\bAW_[A-Z_]+(\([^)]*\))? ', '', code)
            name = re.search(r'\b(aw_\w+)\s*\(', plain).group(1)
            since = re.search(rf'^{SINCE.pattern}\.?\s*$', comment, flags=re.M)
            body = comment.replace(since[0], '').strip() if since else comment
            reference.functions[name] = Item(name, body, plain, path.name, group, since[1] if since else reference.since[path.name])
        elif code.startswith('typedef') and '(*' in code:
            name = re.search(r'\(\*(\w+)\)', code).group(1)
            reference.typedefs[name] = Item(name, comment, code, path.name)
        elif code.startswith('enum'):
            name = code.split()[1]
            reference.enums[name] = Item(name, comment, code, path.name)


def enum_values(item):
    """Name and comment of each."""
    body = item.code[item.code.index('{') + 1:item.code.rindex('}')]
    for name, value, comment in re.findall(r'\b(AW_\w+)\s*=\s*([^,/}]+?)\s*,?\s*(?:/\*\*<(.*?)\*/|(?=,|$|AW_))', body):
        yield name, value, comment.strip()


def read_headers(paths):
    reference = Reference()
    for path in paths:
        read_header(pathlib.Path(path), reference)
    return reference


# ---- troff ----

def escape(text):
    text = text.replace('\\', '\\e').replace('-', '\\-').replace("'", '\\(aq')
    return ''.join(char if char.isascii() else f'\\[u{ord(char):04X}]' for char in text)


def bold(text):
    return f'\\fB{escape(text)}\\fR'


def italic(text):
    return f'\\fI{escape(text)}\\fR'


def inline(text, parameters=()):
    """One paragraph, filled: code in bold, parameters in italics, functions with their section."""
    out = []
    for piece in re.split(r'(`[^`]*`|::\w+|\baw_\w+\*?\(\)|\bAW_[A-Z_]+\b|(?<![\w-])-E[A-Z0-9]+\b)', ' '.join(text.split())):
        if piece.startswith('`'):
            word = piece[1:-1]
            out.append(italic(word) if word in parameters else bold(word))
        elif piece.endswith('()'):
            out.append(f'{bold(piece[:-2])}(3)')
        elif piece.startswith('::') or piece.startswith('AW_') or re.fullmatch(r'-E[A-Z0-9]+', piece):
            out.append(bold(piece.removeprefix('::')))
        else:
            out.append(escape(piece).replace('\\-', '-'))
    return guard(''.join(out))


def guard(line):
    return '\\&' + line if line[:1] in ('.', "'") else line


def plain(text):
    """For the NAME line: no markup."""
    text = re.sub(r'::(\w+)', r'\1', text.replace('`', ''))
    return escape(' '.join(text.split())).replace('\\-', '-')


# ---- sentences ----

def sentences(paragraph):
    text = ' '.join(paragraph.split())
    parts = re.split(r'(?<=[\w)`"\'%.])(?<!e\.g)(?<!i\.e)(?<!etc)\.\s+(?=[^a-z]|asyncio|aw_|io_|fn\b)', text)
    return [part.rstrip().removesuffix('.') + '.' for part in parts if part.strip()]


def summary(text):
    """The first sentence, cut where it grows long, as whatis shows it."""
    first = sentences(text.split('\n\n')[0])[0].removesuffix('.')
    for cut in ('; ', ': ', ' (', ', which ', ', and ', ', '):
        if len(first) > 76 and cut in first:
            first = first.split(cut)[0]
    if len(first) > 96:
        first = first.split(' and ')[0]
    if first[1:2].islower() or first.startswith('A '):
        first = first[0].lower() + first[1:]
    return first


def sort_paragraphs(text):
    """Section → paragraphs."""
    found = {name: [] for name in SECTIONS}
    for paragraph in re.split(r'\n\s*\n', text):
        tag = re.match(rf'({"|".join(TAIL)}): +', paragraph)
        found[TAIL[tag[1]] if tag else 'DESCRIPTION'].append(paragraph[tag.end():] if tag else paragraph)
    return found


def returned_by(description):
    """What the first paragraph says of the result: "Returns ...", or "... and returns `x`."."""
    all_of_it = sentences(description)
    parts = [part.removeprefix('Returns ') for part in all_of_it if part.startswith('Returns ')]
    if not parts:
        parts = re.findall(r'\band returns (`\w+`|the [^,:;.]+)', all_of_it[0])
    return [' '.join(part[0].upper() + part[1:].removesuffix('.') + '.' for part in parts)] if parts else []


# ---- the sections ----

# The headers of libraries beside libawait.
MODULES = {'tls.h': 'libawait-tls'}


def synopsis(function):
    """The declaration, types in bold and names in italics, broken at the parameters."""
    head, _, tail = function.code.partition('(')
    parameters = tail.rsplit(')', 1)[0]
    lines = ['.SH SYNOPSIS', '.nf', f'.B #include <await/{function.header}>', '.PP']
    if parameters.strip() == 'void':
        lines.append(f'.B "{escape(head)}(void);"')
    else:
        parts = split_parameters(parameters)
        text, start = f'{bold(head + "(")}', len(head) + 1
        column = start
        for i, part in enumerate(parts):
            last = i + 1 == len(parts)
            width = len(part) + (2 if last else 1)
            if i and column + width > 78:
                text += '\n' + ' ' * min(start, 16)
                column = min(start, 16)
            elif i:
                text, column = text + ' ', column + 1
            match = re.fullmatch(r'(.*?)(\w+|\.\.\.)', part)
            text += f'{bold(match.group(1))}{italic(match.group(2))}{bold(");" if last else ",")}'
            column += width
        lines.append(text)
    module = MODULES.get(function.header, 'libawait').replace('-', r'\-')
    return lines + ['.fi', '.PP', 'Compile and link with', rf'\fBpkg\-config \-\-cflags \-\-libs {module}\fR.']


def split_parameters(text):
    parts, depth, at = [], 0, 0
    for i, c in enumerate(text + ','):
        depth += (c == '(') - (c == ')')
        if c == ',' and depth == 0:
            parts.append(text[at:i].strip())
            at = i + 1
    return parts


def parameter_names(code):
    inside = code.partition('(')[2].rsplit(')', 1)[0]
    return {re.search(r'(\w+)$', part).group(1) for part in split_parameters(inside) if re.search(r'(\w+)$', part)}


def paragraphs(parts, names):
    lines = []
    for i, part in enumerate(parts):
        if part.startswith('    '):
            lines += ['.PP', '.nf', *(guard(bold(line[4:]) if line.strip() else '') for line in part.splitlines()), '.fi']
            continue
        # A list: each line that begins with a dash is an item.
        items = re.split(r'\n\s*- ', '\n' + part)
        for j, item in enumerate(items):
            if not item.strip():
                continue
            if j:
                lines += ['.IP \\(bu 2', inline(item, names)]
            else:
                lines += (['.PP'] if i or lines else []) + [inline(item, names)]
    return lines


def return_value(function, parts, names):
    returned = function.code.split(function.name)[0].strip()
    lines = paragraphs([part[0].upper() + part[1:] for part in parts], names)
    if returned == 'aw_status':
        lines += ['.PP'] * bool(lines) + ['Negative on error: see ERRORS.' if parts else '0 on success, negative on error: see ERRORS.']
    elif returned == 'aw_bool' and not parts:
        lines += ['1 or 0.']
    elif not parts and returned != 'void':
        lines += ['As described.']
    if any('new reference' in part.lower() for part in parts):
        lines += ['.PP', 'The caller drops the new reference with the \\fB_unref\\fR function of its type.']
    return ['.SH RETURN VALUE'] + lines if lines else []


def errors(function, found, known, names):
    """A list of the codes: what the comment says of each, else what the code means."""
    parts = found['ERRORS']
    if not function.code.startswith('aw_status'):
        return ['.SH ERRORS'] + paragraphs(parts, names) if parts else []
    lines, others, after, seen = [], [], [], set()

    def term(code, text):
        seen.add(code)
        lines.extend(['.TP', bold(code if code.startswith('AW_') else '-' + code), inline(text[0].upper() + text[1:], names) + '.'])

    for part in parts:
        told, *more = sentences(part)
        after += more
        for piece in told.removesuffix('.').split('; '):
            match = CODES.match(piece)
            text = re.sub(r'^\((.*)\)$', r'\1', piece[match.end():].strip(' ,:')) if match else piece
            for a, b in CODE.findall(match[0]) if match else ():
                term(a or b, text or explained(a or b, known))
            if not match:
                others.append(text)
    # Those that only the return value or the group names.
    for a, b in CODE.findall(' '.join([*found['RETURN VALUE'], function.group])):
        if (a or b) not in seen:
            term(a or b, explained(a or b, known))
    if takes_handle(function) and 'AW_EBADHANDLE' not in seen:
        term('AW_EBADHANDLE', explained('AW_EBADHANDLE', known))
    # "Those of aw_await()": before the list.
    lines = paragraphs([text[0].upper() + text[1:] + '.' for text in others], names) + lines
    if after:
        lines += ['.PP', inline(' '.join(after), names)]
    if not lines:
        return ['.SH ERRORS', 'The system\\(aqs, as \\fI\\-errno\\fR. See \\fBaw_strerror\\fR(3).']
    return ['.SH ERRORS'] + lines + ['.PP', 'See \\fBaw_strerror\\fR(3) for the others.']


def threads(function, parts):
    """ "any" and "the one that ..." as sentences."""
    if not parts:
        anywhere = 'any thread' in function.group.lower()
        return ['May be called by any thread.' if anywhere else 'Must be called by the thread that drives the loop.']
    return [re.sub('^any', 'May be called by any thread', re.sub('^the one', 'Must be called by the thread', part)) for part in parts]


def takes_handle(function):
    return bool(re.search(r'\((?:const )?aw_\w+ \*\w', function.code))


def explained(code, known):
    text = known.get(code) or ERRNO.get(code.removeprefix('AW_'))
    return (text or 'as the system defines it')[0].upper() + (text or 'as the system defines it')[1:]


def constants(function, reference, names):
    lines = []
    for enum in reference.enums.values():
        if enum.name == 'aw_error_code':
            continue
        if not (f'::{enum.name}' in function.text + function.group or re.search(rf'\b{function.name}\(\)', enum.text)):
            continue
        lines += ['.PP'] * bool(lines) + [inline(enum.text)]
        for name, value, text in enum_values(enum):
            lines += ['.TP', f'{bold(name)} ({escape(value)})', inline(text[:1].upper() + text[1:]) + '.' if text else '\\&']
    return ['.SH CONSTANTS'] + lines if lines else []


def callbacks(function, reference):
    lines = []
    for typedef in reference.typedefs.values():
        if re.search(rf'\b{typedef.name}\b', function.code):
            lines += ['.TP', bold(typedef.code + ';'), inline(typedef.text, parameter_names(typedef.code.split(')', 1)[1]))]
    return ['.SH CALLBACKS'] + lines if lines else []


def see_also(function, reference):
    mentioned = set(re.findall(r'\b(aw_\w+)\(\)', function.text + function.group)) & reference.functions.keys()
    mates = [f.name for f in reference.functions.values() if f.header == function.header and f.group == function.group]
    at = mates.index(function.name)
    mentioned |= set(mates[max(0, at - 4):at + 5])
    mentioned.discard(function.name)
    return ['.SH SEE ALSO'] + [f'.BR {escape(name)} (3),' for name in sorted(mentioned)] + ['.BR libawait (7)']


def page(function, reference, known, version):
    names = parameter_names(function.code)
    found = sort_paragraphs(function.text)
    returned = found['RETURN VALUE'] or returned_by(found['DESCRIPTION'][0])
    lines = ['.\\" SPDX-License-Identifier: MIT', f'.\\" Made from <await/{function.header}>.',
             f'.TH {function.name} 3 "" "libawait {version}" "libawait"', '.nh', '.ad l', '.SH NAME',
             f'{function.name} \\- {plain(summary(function.text))}']
    lines += synopsis(function)
    lines += ['.SH DESCRIPTION'] + paragraphs(found['DESCRIPTION'], names)
    # The title of its group, where it says something ("Lock: no owner, not re-entrant"), and what follows the title.
    title, _, more = function.group.partition('\n')
    more = ' '.join(([title + '.'] if re.search(r'[:(]', title) else []) + more.split())
    if more:
        lines += ['.PP', inline(more, names)]
    lines += constants(function, reference, names)
    lines += callbacks(function, reference)
    lines += return_value(function, returned, names)
    lines += errors(function, found, known, names)
    lines += ['.SH THREADS'] + paragraphs(threads(function, found['THREADS']), names)
    if found['CANCELLATION']:
        lines += ['.SH CANCELLATION'] + paragraphs([part[0].upper() + part[1:] for part in found['CANCELLATION']], names)
    if found['ASYNCIO']:
        lines += ['.SH ASYNCIO'] + paragraphs([f'In asyncio: {part}' for part in found['ASYNCIO']], names)
    lines += ['.SH HISTORY', f'Since libawait {function.since}.']
    lines += see_also(function, reference)
    return '\n'.join(lines) + '\n'


def overview(reference, version, template):
    """libawait(7): the page written by hand, with the rules of base.h and the list of the functions put in."""
    rules = []
    for part in re.split(r'\n\s*- ', reference.rules):
        rules += (['.IP \\(bu 2'] if rules else ['.PP']) + [inline(part)]
    functions = []
    for header, brief in reference.briefs.items():
        names = [f.name for f in reference.functions.values() if f.header == header]
        if names:
            functions += ['.TP', bold(f'<await/{header}>'), inline(brief), '.br', ',\n'.join(f'{bold(name)}(3)' for name in names) + '.']
    return template.replace('@VERSION@', version).replace('@RULES@', '\n'.join(rules)).replace('@FUNCTIONS@', '\n'.join(functions))


def main():
    if sys.argv[1] == '--names':
        print('\n'.join(read_headers(sys.argv[2:]).functions))
        return
    folder, version = pathlib.Path(sys.argv[1]), sys.argv[2]
    reference = read_headers(sys.argv[3:])
    known = {name: text.replace('`', '') for name, _, text in enum_values(reference.enums['aw_error_code']) if text}
    for function in reference.functions.values():
        (folder / f'{function.name}.3').write_text(page(function, reference, known, version))
    here = pathlib.Path(__file__).parent
    (folder / 'libawait.7').write_text(overview(reference, version, (here / 'libawait.7.in').read_text()))
    (folder / 'libawait-info.1').write_text((here / 'libawait-info.1.in').read_text().replace('@VERSION@', version))


if __name__ == '__main__':
    sys.exit(main())
