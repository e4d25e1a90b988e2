"""Tokens that must not be believed, each with the one thing that is wrong with it; for any key and issuer.

They are sent to the verifier by the unit tests, and to a running ingress with a key that Hydra publishes by the integration
tests. A signature is right unless its being wrong is what the entry is about.
"""

import base64
import codecs
import hashlib
import hmac
import json
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey, RSAKey

from ingress.tokens import TOKEN_LIMIT_CHARACTERS

_BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True)
class Forge:
    """Makes tokens as one issuer does, or nearly so. ``key`` signs; it is known to the verifier as ``kid``."""

    key: RSAKey = field(repr=False)
    kid: str
    issuer: str
    sub: str = "voter-1"

    def header(self, **changes: Any) -> dict[str, Any]:
        """A header as Hydra makes it. A change to ``None`` leaves the member out."""
        return _changed({"alg": "RS256", "typ": "JWT", "kid": self.kid}, changes)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims as Hydra makes them. A change to ``None`` leaves the claim out."""
        now = int(time.time())
        valid: dict[str, Any] = {
            "iss": self.issuer,
            "aud": ["voting-api"],
            "exp": now + 600,
            "iat": now,
            "nbf": now,
            "client_id": "voter-app",
            "sub": self.sub,
            "scp": ["openid", "vote:cast"],
            "eligible": True,
            "jti": "b2a7",
        }
        return _changed(valid, changes)

    def signed(self, head: bytes | Mapping[str, Any], body: bytes | Mapping[str, Any], key: RSAKey | None = None) -> str:
        """A token with a right RS256 signature over whatever it is."""
        return self.signed_text(f"{encoded(head)}.{encoded(body)}", key)

    def signed_text(self, text: str, key: RSAKey | None = None) -> str:
        """The same for what has been encoded already."""
        signature = private_key(key or self.key).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{encoded(signature)}"

    def unsigned_text(self, **header: Any) -> str:
        return f"{encoded(self.header(**header))}.{encoded(self.claims())}"

    def token(self, **changes: Any) -> str:
        return self.with_claims(**changes)

    def with_header(self, **changes: Any) -> str:
        return self.signed(self.header(**changes), self.claims())

    def with_claims(self, **changes: Any) -> str:
        return self.signed(self.header(), self.claims(**changes))

    def public_pem(self) -> bytes:
        return self.key.as_pem(private=False)


def encoded(data: bytes | Mapping[str, Any]) -> str:
    """Base64url without padding."""
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def private_key(key: RSAKey) -> RSAPrivateKey:
    assert key.private_key is not None
    return key.private_key


@cache
def strangers_key() -> RSAKey:
    """A key that no verifier knows."""
    return RSAKey.generate_key(2048)


def _changed(members: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (members | dict(changes)).items() if value is not None}


def _seconds_from_now(seconds: float) -> int:
    return int(time.time() + seconds)


def _doubled(members: Mapping[str, Any], name: str, value: Any, written: str | None = None) -> bytes:
    """The members with one of them standing twice; ``written`` is its name in other characters."""
    return (json.dumps(members)[:-1] + f', "{written or name}": {json.dumps(value)}}}').encode()


def _raw_claim(forge: Forge, name: str, value: str) -> str:
    """A token in which one claim is JSON text, or what looks like it."""
    mark = "the value goes here"
    return forge.signed(forge.header(), json.dumps(forge.claims(**{name: mark})).replace(f'"{mark}"', value).encode())


def _hmac(forge: Forge, secret: bytes) -> str:
    text = forge.unsigned_text(alg="HS256")
    return f"{text}.{encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def _rsa(forge: Forge, algorithm: str, scheme: padding.AsymmetricPadding, digest: hashes.HashAlgorithm) -> str:
    text = forge.unsigned_text(alg=algorithm)
    return f"{text}.{encoded(private_key(forge.key).sign(text.encode(), scheme, digest))}"


def _pss(forge: Forge, algorithm: str) -> str:
    return _rsa(forge, algorithm, padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256().digest_size), hashes.SHA256())


def _elliptic(forge: Forge) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    public = ECKey.import_key(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    )
    text = forge.unsigned_text(alg="ES256", jwk=public.as_dict(private=False))
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _swapped(forge: Forge, part: int) -> str:
    """A token with one part of another one, which is as valid."""
    one, other = forge.token().split("."), forge.token(jti="another", exp=_seconds_from_now(900)).split(".")
    return ".".join([*one[:part], other[part], *one[part + 1 :]])


def _with_last_part(forge: Forge, change: Callable[[str], str]) -> str:
    text, _, signature = forge.token().rpartition(".")
    return f"{text}.{change(signature)}"


def _with_signature(forge: Forge, change: Callable[[bytes], bytes]) -> str:
    return _with_last_part(forge, lambda signature: encoded(change(decoded(signature))))


def _with_another_character(part: str) -> str:
    return part[:-10] + ("A" if part[-10] != "A" else "B") + part[-9:]


def _modulus_added(forge: Forge, signature: bytes) -> bytes:
    """The same number modulo the key's modulus, written in as many bytes as it takes."""
    number = int.from_bytes(signature, "big") + private_key(forge.key).private_numbers().public_numbers.n
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _with_trailing_bits(part: str) -> str:
    """The same bytes in base64url that nobody writes: with a bit set that decoding drops."""
    assert len(part) % 4 in {2, 3}, "there are no bits to spare"
    return part[:-1] + _BASE64URL[_BASE64URL.index(part[-1]) | 1]


def _uncanonical(forge: Forge, part: int) -> str:
    """A part whose last character has a bit too many, under a signature over just that."""
    filler = next(size for size in range(3) if (len(json.dumps(forge.header())) + size) % 3 == 1)
    head = json.dumps(forge.header()).encode() + b" " * filler
    claims = json.dumps(forge.claims()).encode()
    claims += b" " * ((1 - len(claims)) % 3)
    parts = [encoded(head), encoded(claims)]
    parts[part] = _with_trailing_bits(parts[part])
    return forge.signed_text(".".join(parts))


def _nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def _json_serialization(forge: Forge) -> str:
    head, body, signature = forge.token().split(".")
    return json.dumps({"protected": head, "payload": body, "signature": signature}, separators=(",", ":"))


HOSTILE_TOKENS: dict[str, Callable[[Forge], str]] = {
    # ── no compact JWS ──
    "no token at all": lambda _: "x",
    "two parts": lambda forge: forge.token().rpartition(".")[0],
    "four parts": lambda forge: forge.token() + ".a",
    "five parts (JWE)": lambda forge: forge.token() + ".a.b",
    "five parts with the header of a JWE": lambda forge: ".".join(
        [encoded(forge.header(alg="dir", enc="A256GCM")), "", encoded(b"0" * 12), encoded(forge.claims()), encoded(b"0" * 16)]
    ),
    "a dot at the end": lambda forge: forge.token() + ".",
    "dots at the end": lambda forge: forge.token() + "..",
    "a dot at the beginning": lambda forge: "." + forge.token(),
    "only dots": lambda _: "..",
    "no header": lambda forge: "." + forge.token().partition(".")[2],
    "no claims": lambda forge: forge.signed_text(encoded(forge.header()) + "."),
    "the JSON serialization": _json_serialization,
    "oversized": lambda forge: forge.with_claims(padding="x" * TOKEN_LIMIT_CHARACTERS),
    "oversized by its header": lambda forge: forge.signed(
        json.dumps(forge.header()).encode() + b" " * TOKEN_LIMIT_CHARACTERS, forge.claims()
    ),
    # ── base64url ──
    "padding after the signature": lambda forge: forge.token() + "=",
    "padding after the header": lambda forge: forge.signed_text(encoded(forge.header()) + "==." + encoded(forge.claims())),
    "the standard alphabet of base64": lambda forge: forge.signed_text(
        f"{encoded(forge.header())}.{encoded(json.dumps(forge.claims(x='>>>???~~~'), ensure_ascii=False).encode())}+/"
    ),
    "characters outside of base64url": lambda forge: forge.token().replace("A", "%", 1),
    "a blank in the token": lambda forge: forge.token()[:40] + " " + forge.token()[40:],
    "a tab in the token": lambda forge: forge.token()[:40] + "\t" + forge.token()[40:],
    "a letter of base64url that is not of ASCII": lambda forge: forge.token()[:40] + "\xaa" + forge.token()[41:],
    "a byte order mark before the token": lambda forge: codecs.BOM_UTF8.decode("latin-1") + forge.token(),
    "a trailing bit in the signature": lambda forge: _with_last_part(forge, _with_trailing_bits),
    "a trailing bit in the header": lambda forge: _uncanonical(forge, 0),
    "a trailing bit in the claims": lambda forge: _uncanonical(forge, 1),
    "one character too many in the claims": lambda forge: forge.signed_text(
        f"{encoded(forge.header())}.{encoded(json.dumps(forge.claims()).ljust(600).encode())}A"
    ),
    # ── the signature ──
    "a signature with a character changed": lambda forge: _with_last_part(forge, _with_another_character),
    "a signature cut off": lambda forge: forge.token().rpartition(".")[0] + ".AAAA",
    "a signature without its last byte": lambda forge: _with_signature(forge, lambda signature: signature[:-1]),
    "a signature with a byte behind": lambda forge: _with_signature(forge, lambda signature: signature + b"\0"),
    "a signature with a byte before": lambda forge: _with_signature(forge, lambda signature: b"\0" + signature),
    "a signature with the modulus added": lambda forge: _with_signature(forge, lambda bits: _modulus_added(forge, bits)),
    "a signature of zeros": lambda forge: _with_signature(forge, lambda signature: bytes(len(signature))),
    "the number one as signature": lambda forge: _with_signature(forge, lambda signature: b"\1".rjust(len(signature), b"\0")),
    "an empty signature": lambda forge: forge.token().rpartition(".")[0] + ".",
    "the signature of another token": lambda forge: _swapped(forge, 2),
    "the claims of another token": lambda forge: _swapped(forge, 1),
    "the header of another token": lambda forge: encoded(forge.header(typ="at+jwt")) + "." + forge.token().partition(".")[2],
    "a stranger's key under a known kid": lambda forge: forge.signed(forge.header(), forge.claims(), strangers_key()),
    # ── alg ──
    "alg none": lambda forge: forge.unsigned_text(alg="none") + ".",
    "alg None": lambda forge: forge.unsigned_text(alg="NoNe") + ".",
    "alg none with a signature": lambda forge: forge.with_header(alg="none"),
    "alg empty": lambda forge: forge.with_header(alg=""),
    "alg in small letters": lambda forge: forge.with_header(alg="rs256"),
    "alg with a blank": lambda forge: forge.with_header(alg="RS256 "),
    "alg as a list": lambda forge: forge.with_header(alg=["RS256"]),
    "alg as a number": lambda forge: forge.with_header(alg=256),
    "no alg": lambda forge: forge.with_header(alg=None),
    "alg HS256 with the public key as secret": lambda forge: _hmac(forge, forge.public_pem()),
    "alg HS256 with the public key and no line break": lambda forge: _hmac(forge, forge.public_pem().strip()),
    "alg HS256 with the public key in DER": lambda forge: _hmac(forge, forge.key.as_der(private=False)),
    "alg HS256 with the modulus as secret": lambda forge: _hmac(forge, decoded(str(forge.key.as_dict(private=False)["n"]))),
    "alg HS256 with the kid as secret": lambda forge: _hmac(forge, forge.kid.encode()),
    "alg HS256 with an empty secret": lambda forge: _hmac(forge, b""),
    "alg PS256": lambda forge: _pss(forge, "PS256"),
    "alg RS256 over PS256": lambda forge: _pss(forge, "RS256"),
    "alg RS384": lambda forge: _rsa(forge, "RS384", padding.PKCS1v15(), hashes.SHA384()),
    "alg RS512 over RS256": lambda forge: forge.with_header(alg="RS512"),
    "alg RS256 over SHA-512": lambda forge: _rsa(forge, "RS256", padding.PKCS1v15(), hashes.SHA512()),
    "alg RS256 over SHA-1": lambda forge: _rsa(forge, "RS256", padding.PKCS1v15(), hashes.SHA1()),  # noqa: S303
    "alg ES256 with its key embedded": _elliptic,
    "alg ES256 over RS256": lambda forge: forge.with_header(alg="ES256"),
    "alg EdDSA over RS256": lambda forge: forge.with_header(alg="EdDSA"),
    # ── kid ──
    "an unknown kid": lambda forge: forge.signed(forge.header(kid="key-2"), forge.claims(), strangers_key()),
    "an unknown kid over the known key": lambda forge: forge.with_header(kid="key-2"),
    "no kid": lambda forge: forge.with_header(kid=None),
    "kid as a number": lambda forge: forge.with_header(kid=1),
    "kid as a list": lambda forge: forge.with_header(kid=[forge.kid]),
    "kid as an object": lambda forge: forge.with_header(kid={"kid": forge.kid}),
    "an empty kid": lambda forge: forge.with_header(kid=""),
    "an endless kid": lambda forge: forge.with_header(kid="k" * 1000),
    "kid with a path": lambda forge: forge.with_header(kid="../../dev/null"),
    "kid with a blank behind": lambda forge: forge.with_header(kid=forge.kid + " "),
    # ── keys and extensions in the header ──
    "an embedded key (jwk)": lambda forge: forge.signed(
        forge.header(jwk=strangers_key().as_dict(private=False)), forge.claims(), strangers_key()
    ),
    "an embedded key (jwk) and no kid": lambda forge: forge.signed(
        forge.header(jwk=strangers_key().as_dict(private=False), kid=None), forge.claims(), strangers_key()
    ),
    "the known key embedded (jwk)": lambda forge: forge.with_header(jwk=forge.key.as_dict(private=False)),
    "a key to be fetched (jku)": lambda forge: forge.with_header(jku="http://attacker.test/jwks.json"),
    "a certificate to be fetched (x5u)": lambda forge: forge.with_header(x5u="http://attacker.test/cert.pem"),
    "a certificate (x5c)": lambda forge: forge.with_header(x5c=["MIIB"]),
    "a certificate's digest (x5t)": lambda forge: forge.with_header(x5t="AAAA"),
    "an unknown critical extension": lambda forge: forge.with_header(crit=["exp"], exp=_seconds_from_now(60)),
    "an empty crit": lambda forge: forge.with_header(crit=[]),
    "an unencoded payload (b64)": lambda forge: forge.with_header(crit=["b64"], b64=False),
    "b64 without crit": lambda forge: forge.with_header(b64=True),
    "compressed by name": lambda forge: forge.with_header(zip="DEF"),
    "compressed": lambda forge: forge.signed(
        forge.header(zip="DEF"), zlib.compress(json.dumps(forge.claims()).encode(), wbits=-15)
    ),
    "a nested token (cty)": lambda forge: forge.signed(forge.header(cty="JWT"), forge.token().encode()),
    "a member that Hydra never writes": lambda forge: forge.with_header(nonce="n"),
    # ── typ ──
    "no typ": lambda forge: forge.with_header(typ=None),
    "an ID token by typ": lambda forge: forge.with_header(typ="id+jwt"),
    "a logout token by typ": lambda forge: forge.with_header(typ="logout+jwt"),
    "a proof of possession by typ": lambda forge: forge.with_header(typ="dpop+jwt"),
    "an encrypted token by typ": lambda forge: forge.with_header(typ="JWE"),
    "an empty typ": lambda forge: forge.with_header(typ=""),
    "typ as a number": lambda forge: forge.with_header(typ=1),
    "typ as a list": lambda forge: forge.with_header(typ=["JWT"]),
    # ── the header as JSON ──
    "alg twice in the header": lambda forge: forge.signed(
        b'{"alg":"none",' + json.dumps(forge.header()).encode()[1:], forge.claims()
    ),
    "kid twice in the header": lambda forge: forge.signed(_doubled(forge.header(), "kid", "key-2"), forge.claims()),
    "kid twice in the header, the right one last": lambda forge: forge.signed(
        b'{"kid":"key-2",' + json.dumps(forge.header()).encode()[1:], forge.claims()
    ),
    "a header that is a list": lambda forge: forge.signed(b'["RS256"]', forge.claims()),
    "a header that is a number": lambda forge: forge.signed(b"256", forge.claims()),
    "a header that is null": lambda forge: forge.signed(b"null", forge.claims()),
    "a header that is no JSON": lambda forge: forge.signed(b"\xff\xfe", forge.claims()),
    "an empty header object": lambda forge: forge.signed(b"{}", forge.claims()),
    "a header after a byte order mark": lambda forge: forge.signed(
        codecs.BOM_UTF8 + json.dumps(forge.header()).encode(), forge.claims()
    ),
    "a header in UTF-16": lambda forge: forge.signed(json.dumps(forge.header()).encode("utf-16"), forge.claims()),
    "a header with more behind it": lambda forge: forge.signed(json.dumps(forge.header()).encode() + b"{}", forge.claims()),
    "a header with a comment": lambda forge: forge.signed(json.dumps(forge.header()).encode() + b"//", forge.claims()),
    # ── the claims as JSON ──
    "claims that are a list": lambda forge: forge.signed(forge.header(), b"[]"),
    "claims that are a list of claims": lambda forge: forge.signed(forge.header(), json.dumps([forge.claims()]).encode()),
    "claims that are a number": lambda forge: forge.signed(forge.header(), b"1"),
    "claims that are a fraction": lambda forge: forge.signed(forge.header(), b"1.5"),
    "claims that are a huge number": lambda forge: forge.signed(forge.header(), b"9" * 2000),
    "claims that are true": lambda forge: forge.signed(forge.header(), b"true"),
    "claims that are null": lambda forge: forge.signed(forge.header(), b"null"),
    "claims that are a text": lambda forge: forge.signed(forge.header(), json.dumps(json.dumps(forge.claims())).encode()),
    "claims that are an empty object": lambda forge: forge.signed(forge.header(), b"{}"),
    "claims that are no JSON": lambda forge: forge.signed(forge.header(), b"sub=voter-1"),
    "claims that are another token": lambda forge: forge.signed(forge.header(), forge.token().encode()),
    "claims nested too deep and not closed": lambda forge: forge.signed(forge.header(), b'{"a":' * 500),
    "nothing but nesting": lambda forge: forge.signed(forge.header(), _nested(400)),
    "claims that end too early": lambda forge: forge.signed(forge.header(), json.dumps(forge.claims()).encode()[:-1]),
    "claims with more behind them": lambda forge: forge.signed(forge.header(), json.dumps(forge.claims()).encode() + b"{}"),
    "claims after a byte order mark": lambda forge: forge.signed(
        forge.header(), codecs.BOM_UTF8 + json.dumps(forge.claims()).encode()
    ),
    "claims in UTF-16": lambda forge: forge.signed(forge.header(), json.dumps(forge.claims()).encode("utf-16")),
    "claims with a byte that is not UTF-8": lambda forge: forge.signed(
        forge.header(), json.dumps(forge.claims(name="*")).encode().replace(b"*", b"\xff")
    ),
    "claims with a zero byte": lambda forge: forge.signed(forge.header(), json.dumps(forge.claims()).encode() + b"\0"),
    "claims with a line break in a text": lambda forge: _raw_claim(forge, "name", '"a\nb"'),
    "NaN in a claim": lambda forge: _raw_claim(forge, "weight", "NaN"),
    "infinity in a claim": lambda forge: _raw_claim(forge, "weight", "-Infinity"),
    "sub twice": lambda forge: forge.signed(forge.header(), _doubled(forge.claims(), "sub", "voter-2")),
    "the same sub twice": lambda forge: forge.signed(forge.header(), _doubled(forge.claims(), "sub", forge.sub)),
    "sub twice in other characters": lambda forge: forge.signed(
        forge.header(), _doubled(forge.claims(), "sub", "voter-2", "s\\u0075b")
    ),
    "exp twice": lambda forge: forge.signed(forge.header(), _doubled(forge.claims(), "exp", _seconds_from_now(10**9))),
    "aud twice": lambda forge: forge.signed(forge.header(), _doubled(forge.claims(aud=["x"]), "aud", ["voting-api"])),
    "eligible twice": lambda forge: forge.signed(forge.header(), _doubled(forge.claims(eligible=False), "eligible", True)),
    "a member twice further inside": lambda forge: _raw_claim(forge, "ext", '{"a": 1, "a": 2}'),
    # ── iss ──
    "another issuer": lambda forge: forge.with_claims(iss="http://attacker.test"),
    "the issuer with a slash": lambda forge: forge.with_claims(iss=forge.issuer + "/"),
    "the issuer in capitals": lambda forge: forge.with_claims(iss=forge.issuer.upper()),
    "the issuer in a list": lambda forge: forge.with_claims(iss=[forge.issuer]),
    "an empty issuer": lambda forge: forge.with_claims(iss=""),
    "no issuer": lambda forge: forge.with_claims(iss=None),
    # ── aud ──
    "another audience": lambda forge: forge.with_claims(aud=["billing-api"]),
    "an ID token (its audience is the client)": lambda forge: forge.with_claims(aud=["voter-app"], scp=None),
    "an audience that begins like ours": lambda forge: forge.with_claims(aud="voting-api.attacker.test"),
    "our audience in capitals": lambda forge: forge.with_claims(aud=["VOTING-API"]),
    "our audience among others in a text": lambda forge: forge.with_claims(aud="billing-api voting-api"),
    "no audience": lambda forge: forge.with_claims(aud=None),
    "an empty audience": lambda forge: forge.with_claims(aud=[]),
    "the audience as an object": lambda forge: forge.with_claims(aud={"voting-api": True}),
    "the audience as true": lambda forge: forge.with_claims(aud=True),
    "a list in the audience": lambda forge: forge.with_claims(aud=["voting-api", ["x"]]),
    # ── exp, iat, nbf ──
    "expired": lambda forge: forge.with_claims(exp=_seconds_from_now(-60)),
    "expired by little more than the leeway": lambda forge: forge.with_claims(exp=_seconds_from_now(-6)),
    "expired before the epoch": lambda forge: forge.with_claims(exp=-1),
    "no exp": lambda forge: forge.with_claims(exp=None),
    "exp as null": lambda forge: _raw_claim(forge, "exp", "null"),
    "exp as text": lambda forge: forge.with_claims(exp=str(_seconds_from_now(600))),
    "exp as a date": lambda forge: forge.with_claims(exp="2999-01-01T00:00:00Z"),
    "exp as a fraction": lambda forge: forge.with_claims(exp=_seconds_from_now(600) + 0.5),
    "exp with an exponent": lambda forge: _raw_claim(forge, "exp", "9e9"),
    "exp as infinity": lambda forge: _raw_claim(forge, "exp", "1e999"),
    "exp as not a number": lambda forge: _raw_claim(forge, "exp", "NaN"),
    "exp as true": lambda forge: forge.with_claims(exp=True),
    "exp as a list": lambda forge: forge.with_claims(exp=[_seconds_from_now(600)]),
    "exp as an object": lambda forge: forge.with_claims(exp={"seconds": _seconds_from_now(600)}),
    "exp with a zero in front": lambda forge: _raw_claim(forge, "exp", f"0{_seconds_from_now(600)}"),
    "not valid yet": lambda forge: forge.with_claims(nbf=_seconds_from_now(60)),
    "not valid for ages": lambda forge: _raw_claim(forge, "nbf", "9" * 400),
    "nbf as text": lambda forge: forge.with_claims(nbf="0"),
    "nbf as null": lambda forge: _raw_claim(forge, "nbf", "null"),
    "nbf as false": lambda forge: forge.with_claims(nbf=False),
    "issued in the future": lambda forge: forge.with_claims(iat=_seconds_from_now(60)),
    "issued in ages": lambda forge: _raw_claim(forge, "iat", "9" * 400),
    "no iat": lambda forge: forge.with_claims(iat=None),
    "iat as a fraction": lambda forge: forge.with_claims(iat=1.5),
    # ── client_id ──
    "another client": lambda forge: forge.with_claims(client_id="billing-app"),
    "the client in capitals": lambda forge: forge.with_claims(client_id="VOTER-APP"),
    "no client": lambda forge: forge.with_claims(client_id=None),
    "an empty client": lambda forge: forge.with_claims(client_id=""),
    "the client as a list": lambda forge: forge.with_claims(client_id=["voter-app"]),
    "the client in azp alone": lambda forge: forge.with_claims(client_id=None, azp="voter-app"),
    # ── sub ──
    "a client_credentials token (sub is the client)": lambda forge: forge.with_claims(sub="voter-app"),
    "no sub": lambda forge: forge.with_claims(sub=None),
    "an empty sub": lambda forge: forge.with_claims(sub=""),
    "sub as a number": lambda forge: forge.with_claims(sub=7),
    "sub as true": lambda forge: forge.with_claims(sub=True),
    "sub as null": lambda forge: _raw_claim(forge, "sub", "null"),
    "sub as a list": lambda forge: forge.with_claims(sub=[forge.sub]),
    "sub as an object": lambda forge: forge.with_claims(sub={"id": forge.sub}),
    "sub with a colon": lambda forge: forge.with_claims(sub=f"election-2025-01:{forge.sub}"),
    "sub with a brace": lambda forge: forge.with_claims(sub="voter}1"),
    "sub with a blank": lambda forge: forge.with_claims(sub=f"{forge.sub} "),
    "sub with a line break": lambda forge: forge.with_claims(sub=f"{forge.sub}\n"),
    "sub with a zero byte": lambda forge: forge.with_claims(sub=f"{forge.sub}\0"),
    "sub with a path": lambda forge: forge.with_claims(sub="../voter-1"),
    "sub with a letter outside of ASCII": lambda forge: forge.with_claims(sub="voter-\u0661"),
    "sub with half a surrogate": lambda forge: _raw_claim(forge, "sub", '"voter-\\ud800"'),
    "an endless sub": lambda forge: forge.with_claims(sub="v" * 129),
    # ── scopes, and what says who may vote where ──
    "scp as a number": lambda forge: forge.with_claims(scp=1),
    "scp as true": lambda forge: forge.with_claims(scp=True),
    "scp as an object": lambda forge: forge.with_claims(scp={"vote:cast": True}),
    "scp with a number": lambda forge: forge.with_claims(scp=["vote:cast", 1]),
    "scope as an object": lambda forge: forge.with_claims(scp=None, scope={"vote:cast": True}),
    "scope as a list": lambda forge: forge.with_claims(scp=None, scope=["vote:cast"]),
    "jurisdiction as a list": lambda forge: forge.with_claims(jurisdiction=["be"]),
    "jurisdiction as a number": lambda forge: forge.with_claims(jurisdiction=1),
    "an empty jurisdiction": lambda forge: forge.with_claims(jurisdiction=""),
    "jurisdiction with half a surrogate": lambda forge: _raw_claim(forge, "jurisdiction", '"be\\ud800"'),
    "aal as a number": lambda forge: forge.with_claims(aal=2),
    "aal as a list": lambda forge: forge.with_claims(aal=["aal2"]),
    # ── what it may be revoked by ──
    "jti as a number": lambda forge: forge.with_claims(jti=7),
    "jti as a list": lambda forge: forge.with_claims(jti=["b2a7"]),
    "an empty jti": lambda forge: forge.with_claims(jti=""),
}

# Values of all ``Authorization`` headers of one request.
HOSTILE_AUTHORIZATIONS: dict[str, Callable[[Forge], list[str]]] = {
    "no header": lambda _: [],
    "an empty header": lambda _: [""],
    "only the scheme": lambda _: ["Bearer"],
    "another scheme with a password": lambda _: ["Basic dm90ZXI6YXBw"],
    "another scheme with a token": lambda forge: [f"DPoP {forge.token()}"],
    "a token without a scheme": lambda forge: [forge.token()],
    "a scheme that begins like ours": lambda forge: [f"BearerX {forge.token()}"],
    "the scheme twice": lambda forge: [f"Bearer Bearer {forge.token()}"],
    "the scheme with a colon": lambda forge: [f"Bearer: {forge.token()}"],
    "no blank after the scheme": lambda forge: [f"Bearer{forge.token()}"],
    "a tab after the scheme": lambda forge: [f"Bearer\t{forge.token()}"],
    "a no-break space after the scheme": lambda forge: [f"Bearer\xa0{forge.token()}"],
    "a byte order mark before the scheme": lambda forge: [f"{codecs.BOM_UTF8.decode('latin-1')}Bearer {forge.token()}"],
    "two tokens": lambda forge: [f"Bearer {forge.token()} {forge.token()}"],
    "a comma behind": lambda forge: [f"Bearer {forge.token()},"],
    "two credentials in one header": lambda forge: [f"Bearer {forge.token()}, Basic dm90ZXI6YXBw"],
    "a parameter behind": lambda forge: [f'Bearer {forge.token()}, realm="x"'],
    "the token as a parameter": lambda forge: [f"Bearer token={forge.token()}"],
    "the token in quotes": lambda forge: [f'Bearer "{forge.token()}"'],
    "two headers": lambda forge: [f"Bearer {forge.token()}", f"Bearer {forge.token()}"],
    "two headers of which one is empty": lambda forge: [f"Bearer {forge.token()}", ""],
    "two headers with two schemes": lambda forge: ["Basic dm90ZXI6YXBw", f"Bearer {forge.token()}"],
    "a header much too long": lambda _: ["Bearer " + "a" * 2 * TOKEN_LIMIT_CHARACTERS],
    "blanks without an end": lambda forge: ["Bearer " + " " * TOKEN_LIMIT_CHARACTERS + forge.token()],
}
