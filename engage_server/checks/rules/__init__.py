"""The rules: functions that take a case and yield findings. ``checks/registry.py`` lists them."""
