"""Whose report it is, where a history holds several people's statements."""

from collections.abc import Sequence
from typing import Final

from dataeng_tui.after_hours.history import Owner
from dataeng_tui.after_hours.machines import FIELDS, Machines
from dataeng_tui.errors import UserError

_NOTHING_ELSE: Final = ("",) * (len(FIELDS) - 1)


def chosen(owners: Sequence[Owner], user: str | None, machines: Machines) -> Owner | None:
    """The owner of that name, or the only person there is; None where there is nobody at all.

    A name's case may differ if that is clear, and a file without USER_NAME is whose one says. Raises
    UserError with the names or accounts to choose from.
    """
    found = _people(owners, machines) if user is None else _named(owners, user)
    if len(found) == 1:
        return found[0]
    if len({owner.user for owner in found}) > 1:
        raise UserError(f"There are several users here, {_names(found)}: name one with --user.")
    if found:
        accounts = ", ".join(sorted(owner.account for owner in found))
        raise UserError(f"{found[0].user} is in several accounts, {accounts}: name one with --connection.")
    if owners:
        raise UserError(f"There are no statements by {user!r} here; there are some by {_names(owners)}.")
    return None


def _named(owners: Sequence[Owner], user: str) -> Sequence[Owner]:
    return (
        [owner for owner in owners if owner.user == user]
        or [owner for owner in owners if owner.user.lower() == user.lower()]
        or [owner for owner in owners if not owner.user]
    )


def _people(owners: Sequence[Owner], machines: Machines) -> Sequence[Owner]:
    """All but users such as SYSTEM; all, if there are no others."""
    return [o for o in owners if machines.reason_for((o.user, *_NOTHING_ELSE)) is None] or owners


def _names(owners: Sequence[Owner]) -> str:
    names = sorted({owner.user or "(no name)" for owner in owners})
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
