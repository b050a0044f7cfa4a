"""Business time: what dates payments and wakes what waits for a date. The machine's clock, unless it is set."""

from business_clock.clock import Clock, SystemClock, system_us
from business_clock.settable import LOOK_S, SettableClock, clock_of
from business_clock.setting import ClockUnreadable, Setting, read_setting, remove_setting, write_setting

__all__ = [
    "LOOK_S",
    "Clock",
    "ClockUnreadable",
    "SettableClock",
    "Setting",
    "SystemClock",
    "clock_of",
    "read_setting",
    "remove_setting",
    "system_us",
    "write_setting",
]
