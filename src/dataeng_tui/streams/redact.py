"""Takes secrets, host names, addresses and users out of a text, each host under one name throughout."""

import re

SECRET = "[removed]"
_KEYS = (
    r"pass(?:word|wd|phrase)?|secret|token|credential|api[-_.]?key|access[-_.]?key|signature|jaas[-_.]?config"
)
_SECRETS = (
    re.compile(
        rf'(?i)((?:[\w.-]*(?:{_KEYS})[\w.-]*)(?:\\?["\'])?\s*[=:]\s*(?:\\?["\'])?)[^\s"\'\\,;&}})\]]+'
    ),
    re.compile(r"(?i)(\b(?:Bearer|Basic)\s+)[\w.~+/=-]{8,}"),
    re.compile(r"()\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"()\beyJ[\w-]{10,}\.[\w-]{5,}\.[\w-]*"),  # a JSON web token
)
_LOGIN = re.compile(r"(://)[^/\s@\"\\]+@")
_HOSTS = (
    re.compile(r"(?<=://)([A-Za-z0-9][\w.-]*)"),
    re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?![\w.])"),
    re.compile(r"(?<![\w.])(ip-\d+-\d+-\d+-\d+(?:\.[\w-]+)*)"),
    re.compile(
        r"(?<![\w.$])([A-Za-z][\w-]*(?:\.[\w-]+)*)(?=:\d{4,5}(?!\d))"
    ),  # host:port; a source line has a dot
    re.compile(
        r"(?<![\w.])([A-Za-z][\w-]*(?:\.[\w-]+)*\.(?:internal|local|lan|corp|com|net|org|io)\b)(?=[\s:/\",)\\])"
    ),
)
_USERS = (re.compile(r'("user":")([^"]+)'), re.compile(r"((?:/home|/Users|/user)/)([^/\s\"\\]+)"))
_KEPT = {"localhost", "127.0.0.1", "0.0.0.0", "file"}


class Redactor:
    """Changes one text after the other; the same host or user gets the same name in all of them."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """``text`` without secrets and with other names for hosts and users."""
        text = _LOGIN.sub(r"\1", text)
        for pattern in _SECRETS:
            text = pattern.sub(rf"\1{SECRET}", text)
        for pattern in _USERS:
            text = pattern.sub(lambda match: match[1] + self._name("user", match[2]), text)
        for pattern in _HOSTS:
            text = pattern.sub(lambda match: self._host(match[1]), text)
        # A host that was told by its URL is known where it stands alone, too.
        for host, name in self._names.items():
            if name.startswith("host") and host in text:
                text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", name, text)
        return text

    def _host(self, host: str) -> str:
        if host in _KEPT or re.fullmatch(r"host-\d+", host) or _is_source_file(host):
            return host
        return self._name("host", host)

    def _name(self, kind: str, known: str) -> str:
        return self._names.setdefault(
            known, f"{kind}-{sum(n.startswith(kind) for n in self._names.values()) + 1}"
        )


def _is_source_file(text: str) -> bool:
    """``Client.scala:1234`` in a stack trace is no host and its port."""
    return text.endswith((".scala", ".java", ".py", ".kt")) or text.startswith(
        ("org.apache.", "java.", "scala.")
    )
