"""Figures for the metrics that are neither counted by workers nor read at each scrape from one place."""
