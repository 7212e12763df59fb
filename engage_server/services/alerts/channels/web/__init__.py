"""Webhooks: where they may go, how they are signed, and the bodies of Slack and Teams."""
