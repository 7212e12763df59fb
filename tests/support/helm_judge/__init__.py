"""Helm and the schemas of Kubernetes as judges. Its scripts run in their own environment, not in that of the tests."""
