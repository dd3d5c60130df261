# SPDX-License-Identifier: Apache-2.0
"""Finds the uses of co_await that g++ 12 compiles wrongly, and uses that are similar.

g++ 12.2 destroys temporaries twice, or never, when co_await stands in a switch or in a conditional
expression, when it has an aggregate or a capturing lambda for a temporary beside it, or when an
aggregate is initialised from it. Which neighbours are harmless is hard to tell by looking, so one
form is allowed: one co_await per statement, alone on the right-hand side of at most one `=` or of
co_return, with arguments that hold neither braces nor capturing lambdas.
"""

import re

import sources

_TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.']*|->|::|&&|\|\||[-+*/%^=!<>]=|\S")
_OPENS = {"(": ")", "[": "]", "{": "}"}
_CLOSES = set(_OPENS.values())

# Types of brace temporaries without a destructor: that g++ 12 destroys them never or twice does no
# harm.
TRIVIAL = {"milliseconds", "seconds", "microseconds", "deadline", "time_point"}
_BINARY = {"?", "&&", "||", "==", "!=", "<=", ">=", "+", "=", "/", "%", "^", "|"}


def _tokens(text):
    """(token, line) of everything but preprocessor lines."""
    found = []
    continued = False
    for number, line in enumerate(sources.bare(text).split("\n"), 1):
        directive = continued or line.lstrip().startswith("#")
        continued = directive and line.endswith("\\")
        if not directive:
            found += [(token, number) for token in _TOKEN.findall(line)]
    return found


def _end_of_statement(tokens, at):
    """Index of the first `;` or unmatched closing bracket after `at`."""
    depth = 0
    for index in range(at, len(tokens)):
        token = tokens[index]
        if token in _OPENS:
            depth += 1
        elif token in _CLOSES:
            if depth == 0:
                return index
            depth -= 1
        elif token == ";" and depth == 0:
            return index
    return len(tokens)


def _start_of_statement(tokens, at):
    """Index of the first token of the statement that holds `at`."""
    depth = 0
    for index in range(at - 1, -1, -1):
        token = tokens[index]
        if token in (")", "]") or (token == "}" and depth > 0):
            depth += 1
        elif token in _OPENS and depth > 0:
            depth -= 1
        elif depth == 0 and (token in (";", "{", "}", "(", "[")):
            return index + 1
    return 0


def _place_problem(tokens, start, end):
    """What is wrong with the place of the statement from `start` to `end`."""
    closing = "".join(tokens[end : end + 1])
    if closing == "}":
        return "an aggregate or list is initialised from co_await: assign it instead"
    in_condition = closing in (")", "]")
    if not in_condition and tokens[max(start - 1, 0)] == "(":  # the part before `;` of an if
        in_condition = tokens[start - 2] not in ("if", "for", "while", "switch")
    return "co_await in a condition or among arguments: name the value first" * in_condition


def _prefix_problem(prefix):
    """What is wrong with the tokens between the start of the statement and co_await."""
    if prefix[:1] in (["else"], ["do"]):
        prefix = prefix[1:]
    if prefix[:1] in (["case"], ["default"]):
        prefix = prefix[prefix.index(":") + 1 :]
    if prefix in ([], ["co_return"], ["(", "void", ")"]):
        return None
    if prefix[-1] != "=":
        return "co_await is not alone on the right-hand side: name the value first"
    if prefix.count("=") > 1 or "?" in prefix or "{" in prefix:
        return "co_await shares its statement: name the value first"
    return None


def _operand_problem(operand):
    """What is wrong with the tokens between co_await and the end of the statement."""
    if "co_await" in operand:
        return "more than one co_await in a statement"
    depth = 0
    for index, token in enumerate(operand):
        previous = operand[index - 1] if index else ""
        following = operand[index + 1] if index + 1 < len(operand) else ""
        if token == "[" and previous in ("(", ",", "=", "") and following != "]":
            return "a capturing lambda beside co_await: name it first"
        if token == "{" and previous not in TRIVIAL and not _lambda_body(operand, index):
            return "a brace temporary beside co_await: name it first"
        if depth == 0 and token in _BINARY:
            return f"co_await is an operand of `{token}`: name the value first"
        depth += (token in _OPENS) - (token in _CLOSES)
    return None


def _lambda_body(operand, brace):
    """Whether the `{` at `brace` opens the body of a lambda without captures."""
    depth = 0
    for index in range(brace - 1, 0, -1):
        token = operand[index]
        if token in _CLOSES:
            depth += 1
        elif token in _OPENS:
            if depth == 0:
                return False
            depth -= 1
            if depth == 0 and token == "[":
                return operand[index + 1] == "]"
        elif depth == 0 and token == ",":
            return False
    return False


def problems_of(text):
    """[(line, problem)] of one C++ file."""
    numbered = _tokens(text)
    tokens = [token for token, _ in numbered]
    problems = []
    for at, (token, line) in enumerate(numbered):
        if token != "co_await" or tokens[at - 1 : at] == ["operator"]:
            continue
        end = _end_of_statement(tokens, at)
        start = _start_of_statement(tokens, at)
        problem = (
            _place_problem(tokens, start, end)
            or _prefix_problem(tokens[start:at])
            or _operand_problem(tokens[at + 1 : end])
        )
        if problem:
            problems.append((line, problem))
    return problems


def check(files):
    return [
        f"{path}:{line}: {problem}"
        for path, text in sorted(files.items())
        if sources.is_cpp(path)
        for line, problem in problems_of(text)
    ]


if __name__ == "__main__":
    sources.main(check)
