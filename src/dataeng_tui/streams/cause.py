"""The one line of an exception that says what went wrong: the innermost cause. Pure."""

_CAUSED = "Caused by: "
_TRACEBACK = "Traceback (most recent call last):"
_TERMINATED = "terminated with exception: "


def innermost(exception: str) -> str:
    """Its last "Caused by:" that says something, or the last line of its last Python traceback.

    Spark wraps what a Python function raised into py4j's exception or a worker's, whose own first line tells
    nothing; where neither kind is there, the first line it is. Empty for an empty text.
    """
    lines = exception.splitlines()
    ended: int | None = None  # where a traceback ends that begins above: its frames are indented
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        if _TRACEBACK in line and ended is not None:
            return _raised(lines[ended], lines[ended + 1] if ended + 1 < len(lines) else "")
        # A cause without a message, such as the EOFException of a worker that died, says less than the next.
        if line.startswith(_CAUSED) and ": " in line[len(_CAUSED) :]:
            return line[len(_CAUSED) :].strip()
        if line.startswith("\t"):  # a frame of Java's
            ended = None
        elif line.strip() and not line.startswith(" "):
            ended = at
    first = next((line for line in lines if line.strip()), "")
    return first.rpartition(_TERMINATED)[2].strip() or first.strip()


def _raised(line: str, below: str) -> str:
    """py4j puts the Java exception below its own, after a colon."""
    return (below[2:] if "Py4JJavaError" in line and below.startswith(": ") else line).strip() or line
