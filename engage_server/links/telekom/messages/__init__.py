"""Signed SOAP 1.1 messages: WS-Security with a timestamp and an X.509 signature. Pure: time is an argument.

Needs the extra ``telekom`` (lxml, signxml). Import it where a message is at hand, and not before.
"""
