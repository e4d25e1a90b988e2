"""What the signature of a receipt is over. The ingress signs it; whoever verifies needs the same bytes.

The keys are Ed25519, published at ``GET /receipt-keys`` as a JWK set (RFC 8037); a key's id is its RFC 7638 thumbprint.
``schemas/receipt.v1.json`` is an example.
"""


def signed_bytes(election_id: str, vote_id: str, cast_at: str) -> bytes:
    """Four lines of text, each ended by a line feed; ``cast_at`` as the receipt shows it, RFC 3339 with whole seconds.

    The first line says what is signed and in which version, so that no signature for anything else can pass for one of a receipt.
    No member can hold a line feed, so that two receipts never give the same bytes.
    """
    return f"voting receipt v1\n{election_id}\n{vote_id}\n{cast_at}\n".encode()
