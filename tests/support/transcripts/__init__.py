"""Pages of docs/ as transcripts: their commands are run, and their output is compared with what is really printed.

How a page is written:

* ``<!-- begins with: ... -->`` once: the stage, as in ``tests/end_to_end/test_task_pages.py``. With ``the end of
  NAME.md`` a page goes on where another one ended.
* A block ``console`` is run: ``$ COMMAND``, and its output below. Lines that begin with ``> `` go on with the command.
* A command must end with 0. Where it must not, the page shows so: ``$ COMMAND; echo $?``.
* A block ``text`` holds no command. Any other block says why it is not run: ``<!-- not run: REASON -->`` above it.
* ``<!-- meanwhile: ... -->`` between two blocks: nights pass, or a door calls.

``scripts/pages`` writes the real output. Hashes, and on a real pair also dates, may differ from what a page shows.

Why no library: cram, prysk and byexample start a process for each command, and sybil writes no output back. Here
commands run in the tests' own process, with a clock and a network of the test.
"""
