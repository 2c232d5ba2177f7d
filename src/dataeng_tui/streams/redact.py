"""Takes secrets, host names, addresses and users out of texts, each under one name throughout."""

import getpass
import re
import socket
from contextlib import suppress

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
_ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}"
_HOSTS = (
    re.compile(r"(?<=://)([A-Za-z0-9][\w.-]*)"),
    re.compile(r"(?<=\w@)((?:[A-Z][A-Z\d-]*\.)+[A-Z]{2,}|[A-Za-z\d-]+(?:\.[A-Za-z\d-]+)+)"),  # a realm
    re.compile(rf"(?<![\w./-])([A-Za-z][\w.-]*)(?=/{_ADDRESS})"),  # Java's name/address
    re.compile(rf"(?<![\w.])({_ADDRESS})(?![\w.])"),
    re.compile(r"(?<![\w:])([0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*::[0-9A-Fa-f:]*)"),  # IPv6, shortened
    re.compile(r"(?<![\w:])((?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4})(?![\w:])"),
    re.compile(r"(?<![\w.])(ip-\d+-\d+-\d+-\d+(?:\.[\w-]+)*)"),
    re.compile(r"(?<=\()([A-Za-z][\w.-]*)(?= executor [\w-]+\))"),  # Spark's "(TID 4) (worker3 executor 1)"
    re.compile(r"(?<=on host )([A-Za-z][\w.-]*\w)"),
    re.compile(
        r"(?<![\w.$])([A-Za-z][\w-]*(?:\.[\w-]+)*)(?=:\d{4,5}(?!\d))"
    ),  # host:port; a source line has a dot
    re.compile(
        r"(?<![\w.])([A-Za-z][\w-]*(?:\.[\w-]+)*\.(?:internal|local|lan|corp|com|net|org|io)\b)"
        r"(?=[\s:/\",)\\]|$)"
    ),
)
_USERS = (
    re.compile(
        r"(?i)(\b(?:user|user[-_]?name|owner|principal)\\?[\"']?\s*[=:]\s*\\?[\"']?)([A-Za-z_][\w.-]*)"
    ),
    re.compile(r"((?:/home|/Users|/user)/)([^/\s\"\\\])]+)"),
    re.compile(r"()(?<![\w.+-])([A-Za-z_][\w.+-]*)(?=(?:/[\w.-]+)?@(?:[A-Z][A-Z\d.-]+|[\w-]+(?:\.[\w-]+)+))"),
)
_ENDS = {"host": (r"[\w.-]", r"[\w-]"), "user": ("[A-Za-z0-9]", "[A-Za-z0-9]")}  # of no word of its own
_KEPT = {"localhost", "127.0.0.1", "0.0.0.0", "file", "null", "None"}
# No person's, and words of every other message: not looked for where they stand alone.
_SERVICES = {"hadoop", "spark", "root", "hdfs", "yarn", "livy", "airflow", "ubuntu", "jovyan", "user"}
# A text that tells one thing from another has to stay the same, though more names are known later.
_IDENTITIES = {"id", "application", "where", "drivers", "source"}


class Redactor:
    """Changes one text after the other; the same host or user gets the same name in all of them."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._kinds = {socket.gethostname(): "host"}  # known, whether they were met yet or not
        with suppress(OSError, KeyError):  # a process may have no name for its user
            self._kinds[getpass.getuser()] = "user"
        self._same: dict[str, str] = {}

    def __call__(self, text: str, field: str = "") -> str:
        """``text``, of this field of the model, without secrets and with other names for hosts and users."""
        if field == "user":
            return self._name("user", text)
        if field not in _IDENTITIES:
            return self._changed(text)
        return self._same.setdefault(text, self._same.get(text) or self._changed(text))

    def _changed(self, text: str) -> str:
        text = _LOGIN.sub(r"\1", text)
        for pattern in _SECRETS:
            text = pattern.sub(rf"\1{SECRET}", text)
        for pattern in _USERS:
            text = pattern.sub(lambda match: match[1] + self._name("user", match[2]), text)
        for pattern in _HOSTS:
            text = pattern.sub(lambda match: self._host(match[1]), text)
        # Whoever was told by a URL or a path is known where the name stands alone, too.
        for known, kind in list(self._kinds.items()):
            if known in text and len(known) > 2 and known not in _SERVICES:
                before, after = _ENDS[kind]
                alone = re.compile(rf"(?<!{before}){re.escape(known)}(?!{after})")
                if alone.search(text):
                    text = alone.sub(self._name(kind, known), text)
        return text

    def _host(self, host: str) -> str:
        if re.fullmatch(r"host-\d+", host) or _is_source_file(host):
            return host
        return self._name("host", host)

    def _name(self, kind: str, known: str) -> str:
        if known in _KEPT or re.fullmatch(r"user-\d+", known):
            return known
        self._kinds.setdefault(known, kind)
        return self._names.setdefault(
            known, f"{kind}-{sum(n.startswith(kind) for n in self._names.values()) + 1}"
        )


def _is_source_file(text: str) -> bool:
    """``Client.scala:1234`` in a stack trace is no host and its port."""
    return text.endswith((".scala", ".java", ".py", ".kt")) or text.startswith(
        ("org.apache.", "java.", "scala.")
    )
