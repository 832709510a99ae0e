"""The one change of mode that waits for a supervisor's yes."""

from __future__ import annotations

import msgspec

from risk.audit import AuditLog
from risk.modes.authorisation import SYSTEM_ID, Authority, Code, Objection, clipped
from risk.modes.changes import AwaitsApproval
from risk.modes.table import Mode


class PendingChange:
    """
    Hold at most one request; a newer one replaces it, any change of mode withdraws it, a restart forgets it.

    Parameters
    ----------
    timeout_s : float
        How long a request waits, in engine time.
    audit : AuditLog
        Receives each request and its end.

    """

    def __init__(self, timeout_s: float, audit: AuditLog) -> None:
        self.request: AwaitsApproval | None = None
        self._timeout_s = timeout_s
        self._audit = audit

    def park(self, before: Mode, target: Mode, who: Authority, now_ns: int) -> AwaitsApproval:
        """Let a request wait from now on."""
        self.end("REPLACED", now_ns, who.operator)
        self.request = AwaitsApproval(
            key=f"mode-{target.value}-{now_ns}",
            ts_ns=now_ns,
            expires_ns=now_ns + round(self._timeout_s * 1e9),
            before=before,
            target=target,
            operator=who.operator,
            role=who.role,
            reason=clipped(who.reason),
        )
        self._audit.append(now_ns, "MODE_AWAITS_APPROVAL", msgspec.to_builtins(self.request))
        return self.request

    def waiting(self, key: str, now_ns: int) -> AwaitsApproval | Objection:
        """Return the request of that key; an objection where it is gone, or its time is over (at `expires_ns`)."""
        request = self.request
        if request is None or request.key != key:
            return Objection(Code.NO_SUCH_REQUEST, f"no request {key[:64]!r} waits")
        if now_ns >= request.expires_ns:
            self.end("EXPIRED", now_ns, SYSTEM_ID)
            return Objection(Code.REQUEST_EXPIRED, f"request {key} waited {self._timeout_s:g} s")
        return request

    def end(self, outcome: str, now_ns: int, operator: str) -> None:
        """End what waits, if anything does."""
        if self.request is not None:
            data = {"key": self.request.key, "outcome": outcome, "operator": operator}
            self._audit.append(now_ns, "MODE_REQUEST_ENDED", data)
            self.request = None
