"""What Snowflake answers when it does not want to, as one sentence with the next step.

The same code stands for many things (250001 above all), so the message is looked at first. Codes and words:
Snowflake's documentation and what connectors are seen to report.
"""

import re
from typing import Final, Literal

from dataeng_tui.text import clean

Kind = Literal[
    "connection", "settings", "password", "locked", "disabled", "expired", "token", "key", "mfa", "policy",
    "account", "suspended", "privilege", "warehouse", "quota", "slow", "column", "login", "network", "other",
]  # fmt: skip

# In this order: the first that matches, by code or by word, decides.
_SIGNS: Final[tuple[tuple[Kind, frozenset[int], str], ...]] = (
    ("connection", frozenset(), r"connection .*not found in config"),
    ("settings", frozenset({7, 251007}), r"^configuration error"),
    ("suspended", frozenset({390913}), r"account .*suspended|suspended .*account|lack of payment"),
    ("locked", frozenset({390102}), r"temporarily locked|is locked|user .*locked"),
    ("disabled", frozenset({390101}), r"access disabled|user .*disabled"),
    ("policy", frozenset({390422}), r"not allowed to access snowflake|network policy"),
    (
        "expired",
        frozenset({390110, 390112, 390114, 390318, 394508}),
        r"(token|password).*expired|expired.*(token|password)",
    ),
    ("key", frozenset({390144}), r"jwt token|private key"),
    ("mfa", frozenset({390127, 390197, 394507}), r"multi-factor|\bmfa\b|passcode|duo security"),
    ("token", frozenset({390303, 394400, 394501}), r"token.*invalid|invalid.*token"),
    ("password", frozenset({390100}), r"incorrect username or password"),
    ("warehouse", frozenset({606}), r"no active warehouse"),
    ("quota", frozenset({90073}), r"resource monitor|quota"),
    ("slow", frozenset({630, 604}), r"timeout was reached|reached its statement|query timeout"),
    ("column", frozenset({904}), r"invalid identifier"),
    ("privilege", frozenset({2003, 2043, 3001}), r"not authorized|insufficient privileges"),
    ("account", frozenset({290404}), r"404 not found|account .*not found|incorrect account"),
    ("login", frozenset(), r"authentication failed"),
    ("network", frozenset({14, 250001, 250003}), r"connect|network|timed? ?out|dns|retries|transport|tls"),
)  # fmt: skip
_SENTENCES: Final[dict[Kind, str]] = {
    "password": "Snowflake refuses the user name or the password of the connection {name}: "
    "put them right in connections.toml.",
    "locked": "Snowflake has locked the user of the connection {name} after too many failed logins: "
    "wait 15 minutes, or ask an administrator to unlock it.",
    "disabled": "The user of the connection {name} is disabled: ask an administrator to enable it.",
    "expired": "The token or password of the connection {name} has expired: make a new one and put it into "
    "connections.toml or its token file.",
    "token": "Snowflake does not accept the token of the connection {name}: make a new one and put it into "
    "connections.toml or its token file.",
    "key": "Snowflake does not accept the key of the connection {name}: see that the user's RSA_PUBLIC_KEY "
    "belongs to its private key, and that this machine's clock is right.",
    "mfa": "Snowflake wants a second factor for the connection {name}: give the passcode with "
    "DATAENG_TUI_AFTER_HOURS_PASSCODE=123456, or use a key pair or an access token.",
    "policy": "A network policy keeps this machine out of the account of the connection {name}: "
    "connect from an allowed network.",
    "account": "Snowflake knows no account by the name in the connection {name}: put its account right in "
    "connections.toml, e.g. myorg-account.",
    "suspended": "The account of the connection {name} is suspended: an administrator can take that up with "
    "Snowflake; what the local history holds is still shown.",
    "privilege": "The role of the connection {name} may not read this: have an administrator run  GRANT "
    "DATABASE ROLE SNOWFLAKE.GOVERNANCE_VIEWER TO ROLE <role>",
    "warehouse": "The connection {name} has no running warehouse: name one in connections.toml, "
    'warehouse = "…", that its role may use.',
    "quota": "The warehouse of the connection {name} has used up its credits: wait for the next period, or "
    "name another warehouse in connections.toml.",
    "slow": "Snowflake gave up the query of the connection {name} after its time limit: try again, or name a "
    "larger warehouse in connections.toml.",
    "network": "Snowflake cannot be reached with the connection {name}: see whether the network, a VPN or a "
    "proxy is up ({message}).",
    "connection": "There is no connection {name} in Snowflake's connections.toml: add a table [{name}], or "
    "name another with --connection.",
    "settings": "The connection {name} is not right in connections.toml: {message}.",
    "login": "The connector cannot log in with the connection {name}: see its user, authenticator and "
    "key or password in connections.toml ({message}).",
    "column": "Snowflake knows a column by another name ({message}): update dataeng-tui.",
    "other": "Snowflake refuses the connection {name}: {message}.",
}


class Refusal(Exception):
    """A sentence for what Snowflake refused; ``kind`` tells what can be done without it."""

    def __init__(self, kind: Kind, name: str, message: str) -> None:
        self.kind = kind
        told = message.removeprefix("Configuration error: ")
        super().__init__(_SENTENCES[kind].format(name=clean(name, 80), message=told))


def refusal(error: Exception, name: str) -> Refusal:
    """The refusal behind an error of the connector's; ``name`` is the connection's."""
    code = getattr(error, "errno", None)
    message = _message(error)
    for kind, _, words in _SIGNS:
        if re.search(words, message, re.IGNORECASE):
            return Refusal(kind, name, message)
    for kind, codes, _ in _SIGNS:
        if code in codes:
            return Refusal(kind, name, message)
    return Refusal("other", name, message)


def _message(error: Exception) -> str:
    """The connector's own words on one line, without its codes in front and its request ids behind."""
    text = clean(getattr(error, "msg", None) or error, 400)
    text = re.sub(r"Configuration validation failed \(\d+ issue\(s\)\): ", "", text)
    text = re.sub(r"^(?:\s*\d{5,6}(?: \(\w{5}\))?: )+", "", text)
    return re.sub(r"\s*\(request_id=[^)]*\)", "", text).strip().rstrip(".")
