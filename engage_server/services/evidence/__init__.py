"""From what devices do to what is known of them: recorded while serving, spooled, merged, diagnosed."""
