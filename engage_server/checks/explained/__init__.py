"""Explains every finding code: the rule, the reason for it, its source, and how to fix a certificate."""

from types import MappingProxyType

from engage_server.checks.explained.certificates import CERTIFICATES
from engage_server.checks.explained.contents import CONTENTS
from engage_server.checks.explained.explanation import Explanation
from engage_server.checks.explained.forms import FORMS
from engage_server.checks.explained.paths import PATHS

__all__ = ["EXPLANATIONS", "Explanation"]

_ALL = sorted((*PATHS, *CERTIFICATES, *FORMS, *CONTENTS), key=lambda each: each.code)

EXPLANATIONS = MappingProxyType({each.code: each for each in _ALL})
