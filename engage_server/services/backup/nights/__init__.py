"""What happens every night: when it is due, what is done, which backups stay, and whether it succeeded lately."""
