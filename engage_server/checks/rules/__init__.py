"""The rules: functions that take a case and yield findings. The registry lists them."""
