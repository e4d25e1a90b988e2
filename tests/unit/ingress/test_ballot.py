import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.ballot import Ballot, parse_ballot
from ingress.problems import MALFORMED_REQUEST, Problem
from ingress.strict_json import read_object

VALID = b'{"electionId":"election-2025-01","candidateId":"alice"}'

MALFORMED = [
    b"",
    b"null",
    b"[]",
    b'"electionId"',
    b"{}",
    b"{",
    b'{"electionId":"a"}',
    b'{"electionId":"a","candidateId":"b","more":1}',
    b'{"electionId":"a","candidateId":"b","candidateId":"c"}',
    b'{"electionId":"a","electionId":"a","candidateId":"b"}',
    b'{"electionId":"a","candidateId":"b","candidateI\\u0064":"c"}',
    b'{"electionId":1,"candidateId":"b"}',
    b'{"electionId":"a","candidateId":null}',
    b'{"electionId":"a","candidateId":["b"]}',
    b'{"electionId":"a","candidateId":{"id":"b","id":"c"}}',
    b'{"electionId":"","candidateId":"b"}',
    b'{"electionId":"A","candidateId":"b"}',
    b'{"electionId":"a:b","candidateId":"b"}',
    b'{"electionId":"a","candidateId":"b\\n"}',
    b'{"electionId":"a","candidateId":"b\n"}',
    b'{"electionId":"a","candidateId":"-b"}',
    b'{"electionId":"a","candidateId":"\\ud800"}',
    b'{"electionId":"' + b"a" * 65 + b'","candidateId":"b"}',
    b'{"electionId":NaN,"candidateId":"b"}',
    b'{"electionId":"a","candidateId":"b"} {}',
    b'{"electionId":"a","candidateId":"b",}',
    b"{'electionId':'a','candidateId':'b'}",
    b'\xef\xbb\xbf{"electionId":"a","candidateId":"b"}',
    b'{"electionId":"a\xff","candidateId":"b"}',
    '{"electionId":"a","candidateId":"b"}'.encode("utf-16"),
    b"[" * 4096,
    b'{"a":' * 800,
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_anything_but_the_two_ids_is_malformed(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        parse_ballot(body)
    assert refused.value.kind is MALFORMED_REQUEST


@pytest.mark.parametrize(
    "body",
    [VALID, b' {"candidateId" : "alice",\n "electionId":"election-2025-01"} ', VALID.replace(b"alice", b"\\u0061lice")],
)
def test_the_two_ids_are_read_however_they_are_written(body: bytes) -> None:
    assert parse_ballot(body) == Ballot("election-2025-01", "alice")


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        parse_ballot(body)
    assert refused.value.kind is MALFORMED_REQUEST


@given(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True), st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True))
def test_every_pair_of_ids_is_a_ballot(election_id: str, candidate_id: str) -> None:
    body = f'{{"electionId":"{election_id}","candidateId":"{candidate_id}"}}'.encode()
    assert parse_ballot(body) == Ballot(election_id, candidate_id)


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()))
def test_strict_json_reads_what_others_write(members: dict[str, object]) -> None:
    assert read_object(json.dumps(members).encode()) == members
