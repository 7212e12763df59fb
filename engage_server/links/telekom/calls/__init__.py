"""We call the portal: an operation of the operator's WSDL, signed, and an answer that is verified strictly.

Needs the extra ``telekom-wsdl``. zeep writes the Body and nothing else: it accepts signatures that we refuse.
"""
