"""Links: what reports about the path to a site, such as a SIM's operator or an industrial router's portal.

An optional part: nothing outside this package imports it, and its commands are loaded by name.
"""
