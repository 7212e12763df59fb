"""The ways to recipients: mail, webhooks with the bodies of Slack and Teams, and a command on this host."""
