"""PEM taken apart: any text, with marks in any order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engage_server.pki.containers.pem_text import as_narrow_text, from_bare_base64, take_apart
from tests.support.containers import CHAIN, PEM
from tests.support.lengths import examples

BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_PIECES = st.sampled_from(
    [BEGIN, END, b"-----END KEY-----", b"\n", b"\r\n", b" ", b"MIIB", b"-", b"-----", b"\xef\xbb\xbf"]
)


@given(st.lists(_PIECES, max_size=30).map(b"".join))
@settings(max_examples=examples(all=800, quick=300, campaign=3000), deadline=None)
def test_every_mark_is_of_a_block_or_is_missed(content: bytes) -> None:
    text = take_apart(content)
    begun = len(text.blocks) + len(text.without_end)
    ended = len(text.blocks) + len(text.without_begin)
    assert begun == content.count(BEGIN)
    assert ended == content.count(END) + content.count(b"-----END KEY-----")
    for block in text.blocks:
        assert block.text == BEGIN + block.body + END
        assert BEGIN not in block.body


@given(st.binary(max_size=300))
@settings(max_examples=examples(all=800, quick=300, campaign=3000), deadline=None)
def test_no_bytes_are_too_odd(content: bytes) -> None:
    take_apart(content)
    narrow = as_narrow_text(content)
    assert narrow is None or narrow.decode("utf-8")[:0] == ""
    from_bare_base64(content)


def test_headers_of_older_forms_are_no_part_of_the_body() -> None:
    (block, *_) = take_apart(PEM.replace(BEGIN + b"\n", BEGIN + b"\nX-Y: z\nA: b\n\n", 1)).blocks
    assert block.decoded() == take_apart(PEM).blocks[0].decoded()
    assert len(take_apart(PEM).blocks) == len(CHAIN)
