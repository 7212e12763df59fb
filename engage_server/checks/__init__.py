"""Checks a chain and returns findings. Pure: the time is an argument, and no file, clock or network is read."""

from engage_server.checks.case import ChainCase, Circumstances
from engage_server.checks.finding import Finding, Severity
from engage_server.checks.profile import PROFILES, DeviceProfile
from engage_server.checks.registry import RULES, run_checks

__all__ = [
    "PROFILES",
    "RULES",
    "ChainCase",
    "Circumstances",
    "DeviceProfile",
    "Finding",
    "Severity",
    "run_checks",
]
