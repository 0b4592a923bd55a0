"""Checks an access token as another service would: with PyJWT, knowing only the server's address.

    python scripts/check-tokens.py http://127.0.0.1:8080 < access-token

It also checks that PyJWT refuses the same token when it was changed, is meant for somebody else, or
claims another algorithm. The packages are in .ci/requirements.txt; scripts/ci-setup installs them.
"""

import base64
import json
import sys

import jwt

CLAIMS = ["iss", "aud", "sub", "sid", "iat", "exp", "jti", "roles"]


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def with_claim(token: str, name: str, value: object) -> str:
    header, claims, signature = token.split(".")
    changed = json.loads(decode(claims)) | {name: value}
    return ".".join([header, encode(json.dumps(changed).encode()), signature])


def unsigned(token: str) -> str:
    header, claims, _ = token.split(".")
    changed = json.loads(decode(header)) | {"alg": "none"}
    return ".".join([encode(json.dumps(changed).encode()), claims, ""])


def main() -> None:
    url, token = sys.argv[1].rstrip("/"), sys.stdin.read().strip()
    key = jwt.PyJWKClient(f"{url}/.well-known/jwks.json").get_signing_key_from_jwt(token)

    def verify(token: str, audience: str = url) -> dict:
        return jwt.decode(
            token,
            key,
            algorithms=["EdDSA"],
            issuer=url,
            audience=audience,
            options={"require": CLAIMS, "strict_aud": True},
        )

    header = jwt.get_unverified_header(token)
    assert header["typ"] == "at+jwt", header
    assert set(header) == {"alg", "typ", "kid"}, header
    claims = verify(token)
    assert set(claims) == set(CLAIMS), claims
    assert 0 < claims["exp"] - claims["iat"] <= 15 * 60, claims

    refused = {
        "another subject": (with_claim(token, "sub", claims["jti"]), url),
        "more roles": (with_claim(token, "roles", ["admin"]), url),
        "a longer life": (with_claim(token, "exp", claims["exp"] + 3600), url),
        "no signature": (unsigned(token), url),
        "another audience": (token, "https://elsewhere.example"),
    }
    for name, (forged, audience) in refused.items():
        try:
            verify(forged, audience)
        except jwt.InvalidTokenError as error:
            print(f"  PyJWT refuses {name}: {type(error).__name__}")
        else:
            sys.exit(f"PyJWT accepts a token with {name}")
    print(f"  PyJWT accepts the token of {claims['sub']}, key {key.key_id}")


main()
