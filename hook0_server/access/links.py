"""What people are written to: letters with a link and the bare token behind it, and reading those tokens back."""

import urllib.parse
import uuid

from hook0_server.access import biscuit_token, biscuits, mail
from hook0_server.model import errors
from hook0_server.store import database, users

VERIFICATION_SECONDS = 24 * 3600.0
RESET_SECONDS = 30 * 60.0

_SUBJECT_VERIFY, _SUBJECT_RESET, _SUBJECT_KNOWN = "Verify your e-mail address", "Choose a new password", "You have an account"
_VERIFY = """\
Please verify that this is your e-mail address:

{link}

Or, where you have the command line: hook0ctl verify-email TOKEN, with this token:

{token}

It is good for 24 hours. If you have made no account, ignore this message.
"""
_RESET = """\
Here you can choose a new password:

{link}

The token of this link is:

{token}

It is good once, for 30 minutes. If you have not asked for it, ignore this message: your password stays as it is.
"""
_KNOWN = """\
Somebody wanted to make an account with this e-mail address, which has one already. It stays as it is.

If that was you, log in, or ask for a new password: {link}
"""


class Links:
    """`app_url`: where the links lead, without a slash at its end."""

    def __init__(self, db: database.Database, root: biscuits.Root, app_url: str) -> None:
        self._db, self._root, self._app_url = db, root, app_url.rstrip("/")

    def verification(self, user_id: uuid.UUID, email: str) -> mail.Letter:
        now = self._db.clock.now()
        minted = self._root.email_verification(user_id=user_id, now=now, expires_at=now + VERIFICATION_SECONDS)
        return self._letter(email, _SUBJECT_VERIFY, _VERIFY, "verify-email", minted.text)

    async def reset(self, user: users.User, within: database.Fetching) -> mail.Letter:
        """Those that were sent before are good no more, once the transaction `within` is committed."""
        now = self._db.clock.now()
        minted = self._root.password_reset(user_id=user.user_id, now=now, expires_at=now + RESET_SECONDS)
        await users.begin_reset(within, user.user_id, minted.root_id)
        return self._letter(user.email, _SUBJECT_RESET, _RESET, "reset-password", minted.text)

    def known(self, email: str) -> mail.Letter:
        return mail.Letter(email, _SUBJECT_KNOWN, _KNOWN.format(link=f"{self._app_url}/login"))

    def read_verification(self, text: str) -> uuid.UUID:
        """Whose address it verifies. Raises InvalidRequest / LINK_INVALID."""
        return self._read(text, biscuit_token.EMAIL_VERIFICATION)[0]

    def read_reset(self, text: str) -> tuple[uuid.UUID, bytes]:
        """Whose password it resets, and its root. Raises InvalidRequest / LINK_INVALID."""
        return self._read(text, biscuit_token.PASSWORD_RESET)

    def _read(self, text: str, kind: str) -> tuple[uuid.UUID, bytes]:
        try:
            token = self._root.read(text)
        except biscuits.Refused as refused:
            raise invalid() from refused
        if token.kind != kind or token.user_id is None or token.has_expired(self._db.clock.now()):
            raise invalid()
        return token.user_id, token.root_id

    def _letter(self, to: str, subject: str, text: str, page: str, token: str) -> mail.Letter:
        link = f"{self._app_url}/{page}?{urllib.parse.urlencode({'token': token})}"
        return mail.Letter(to, subject, text.format(link=link, token=token), token, link)


def invalid() -> errors.InvalidRequest:
    return errors.InvalidRequest.of(
        "token", "is not one of this server, was used, or is too old; ask for another message", reason="LINK_INVALID"
    )
