"""The console: the pages on which operators look, decide and act. They work without JavaScript and without internet."""
