"""Receivers of alerts on 127.0.0.1: a mail server of Debian, one that we can make misbehave, and a webhook."""
