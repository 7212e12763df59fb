"""What only a real browser can judge: real Chromium, driven by Playwright, against a real running pair."""
