"""Header fields of pages that people see: a page may load nothing from elsewhere, and nobody may frame it."""

from flask import Response

# scripts may write no text as HTML: the one that we have takes over elements alone
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_FIELDS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}


def with_page_fields(answer: Response) -> Response:
    """Add the fields to an answer. What every answer has comes from :mod:`.browser_guard`."""
    for name, value in _FIELDS.items():
        answer.headers[name] = value
    return answer
