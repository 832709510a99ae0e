"""Everything around the gate that a user may tune, as one validated table."""

from __future__ import annotations

import msgspec

from risk.breaker_config import BreakersConfig
from risk.guardian import GuardianConfig
from risk.kill_records import KillConfig
from risk.modes.authorisation import AuthorisationConfig
from risk.modes.emergency_records import EmergencyConfig
from risk.modes.triggers import TriggersConfig
from risk.stops import StopsConfig


class ControlConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may act, what begins an Emergency and how it closes everything, breakers, kill switches, and the guards."""

    people: AuthorisationConfig = AuthorisationConfig()
    triggers: TriggersConfig = TriggersConfig()
    emergency: EmergencyConfig = EmergencyConfig()
    kill: KillConfig = KillConfig()
    breakers: BreakersConfig = BreakersConfig()
    guardian: GuardianConfig = GuardianConfig()
    stops: StopsConfig = StopsConfig()
