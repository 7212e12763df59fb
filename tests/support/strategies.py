"""Hypothesis' strategies that several laws share."""

from hypothesis import strategies as st

from engage_server.records import Host

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


names = st.lists(labels, min_size=1, max_size=4).map(lambda parts: ".".join([*parts, "example"]))


addresses = st.ip_addresses().map(str).filter(lambda text: "%" not in text)


hosts = st.one_of(names, addresses).map(Host.parse)
