"""Signing in at an OpenID provider, with the authorization code flow (OpenID Connect Core 1.0, section 3.1).

An optional part: only its modules import what the extra ``oidc`` installs, and nobody imports them before the settings
name a provider.
"""
