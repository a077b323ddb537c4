"""Interoperability with software that is not ours; scripts/interop runs it.

    interop.py check FOLDER   judges credentials that Sallyport issued
    interop.py make FOLDER    makes credentials for Sallyport to judge

Only independent code: pyca/cryptography (OpenSSL) for RSA, ECDSA and X.509, its ML-DSA, asn1crypto
for DER, PyJWT for the JWT half, the command openssl for the chain, and for ML-DSA too from its
version 3.5 on. What an alternative signature covers (X.509 of 10/2019, section 9.8) and what a detached JWS covers (RFC 7515, appendix F) is
written here again, from the standards.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import re
import subprocess
import sys

import jwt
from asn1crypto import core
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

ISSUED_AT = 1_790_000_000
END = 1_790_086_400
SUBJECT = "spiffe://cluster.local/ns/shop/sa/cart"
ISSUER = "https://tokens.example"
AUDIENCE = "mesh"
ALTERNATIVE_PUBLIC_KEY = "2.5.29.72"
ALTERNATIVE_ALGORITHM = "2.5.29.73"
ALTERNATIVE_SIGNATURE = "2.5.29.74"
IDENTIFIERS = {
    "ML-DSA-44": "2.16.840.1.101.3.4.3.17",
    "ML-DSA-65": "2.16.840.1.101.3.4.3.18",
    "ML-DSA-87": "2.16.840.1.101.3.4.3.19",
}
PRIVATE_KEYS = {
    "ML-DSA-44": mldsa.MLDSA44PrivateKey,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey,
}
PUBLIC_KEYS = {
    "ML-DSA-44": mldsa.MLDSA44PublicKey,
    "ML-DSA-65": mldsa.MLDSA65PublicKey,
    "ML-DSA-87": mldsa.MLDSA87PublicKey,
}
TOKEN_TYPE = "hybrid-identity+jwt"
SIGNATURE_TYPE = "hybrid-identity-sig+jws"


def main(verb, folder):
    folder = pathlib.Path(folder)
    if verb == "check":
        folders = sorted(path for path in folder.iterdir() if path.is_dir())
        assert folders, "nothing to check"
        openssl_knows_ml_dsa = openssl_version() >= (3, 5)
        for path in folders:
            check(path, openssl_knows_ml_dsa)
        print(f"{len(folders)} folders of ours hold for others")
        if not openssl_knows_ml_dsa:
            print("the command openssl is older than 3.5, so ML-DSA was judged by pyca alone")
    elif verb == "make":
        make_all(folder)
    else:
        raise SystemExit(__doc__)


# --- what Sallyport issued -------------------------------------------------------------------


def check(folder, openssl_knows_ml_dsa):
    authorities = json.loads((folder / "authorities.json").read_text())
    (certificates,) = authorities["certificates"]
    (tokens,) = authorities["tokens"]
    leaf = (folder / "leaf.pem").read_bytes()
    pinned = certificates["alternativeKey"]
    public_key = pinned["publicKey"]["inline"].encode()
    halves = check_certificate(public_key, pinned["algorithm"], leaf)
    check_chain(folder, certificates, leaf, openssl_knows_ml_dsa)
    if openssl_knows_ml_dsa:
        check_by_command(folder, public_key, *halves)
    check_jwt(folder, tokens, leaf)
    check_detached(folder, tokens)
    key = x509.load_pem_x509_certificate(leaf).public_key()
    print(f"{folder.name}: chain, leaf ({type(key).__name__}), both halves of certificate and token")


def check_chain(folder, authority, leaf, openssl_knows_ml_dsa):
    """openssl: the path, its validity, the purpose; then the classical signatures by themselves."""
    ca_path = folder / "ca.pem"
    ca_path.write_text(authority["caCertificate"]["inline"])
    root_path = folder / "root.pem"
    ca = x509.load_pem_x509_certificate(ca_path.read_bytes())
    trusted = ["-CAfile", ca_path]
    if root_path.exists():
        trusted = ["-CAfile", root_path, "-untrusted", ca_path]
        root = x509.load_pem_x509_certificate(root_path.read_bytes())
        ca.verify_directly_issued_by(root)
        # The root's own statement of its ML-DSA key; the intermediate is hybrid, too.
        stated = root.extensions.get_extension_for_oid(ObjectIdentifier(ALTERNATIVE_PUBLIC_KEY))
        key = serialization.load_der_public_key(stated.value.value)
        pem = key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        check_certificate(pem, ml_dsa_name(key), ca_path.read_bytes())
    certificate = x509.load_pem_x509_certificate(leaf)
    certificate.verify_directly_issued_by(ca)
    if ml_dsa_name(certificate.public_key()) and not openssl_knows_ml_dsa:
        return
    command = ["openssl", "verify", "-x509_strict", "-attime", str(ISSUED_AT + 60)]
    command += ["-purpose", "sslclient", *trusted, folder / "leaf.pem"]
    subprocess.run(command, check=True, capture_output=True)


def check_certificate(public_key, name, pem):
    """The ML-DSA half; what it covers, and itself."""
    key = serialization.load_pem_public_key(public_key)
    certificate = asn1.Certificate.load(der_of(pem), strict=True)
    extensions = {
        extension["extn_id"].dotted: extension
        for extension in certificate["tbs_certificate"]["extensions"]
    }
    for identifier in (ALTERNATIVE_ALGORITHM, ALTERNATIVE_SIGNATURE):
        assert not extensions[identifier]["critical"].native, identifier
    algorithm = core.Sequence.load(extensions[ALTERNATIVE_ALGORITHM]["extn_value"].contents)
    assert len(algorithm) == 1, "RFC 9881: parameters are absent"
    assert core.ObjectIdentifier.load(algorithm.contents).dotted == IDENTIFIERS[name]
    bits = core.OctetBitString.load(extensions[ALTERNATIVE_SIGNATURE]["extn_value"].contents)
    holds_only_unchanged(key, bits.native, pre_tbs(certificate))
    return pre_tbs(certificate), bits.native


def check_by_command(folder, public_key, message, signature):
    """The ML-DSA half of a leaf, by the command openssl."""
    for name, content in (("alt.pem", public_key), ("message", message), ("alt.sig", signature)):
        (folder / name).write_bytes(content)
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", folder / "alt.pem"]
    command += ["-in", folder / "message", "-sigfile", folder / "alt.sig"]
    subprocess.run(command, check=True, capture_output=True)


def check_jwt(folder, authority, leaf):
    """PyJWT, as it comes, with the options that a careful user sets."""
    pinned = authority["classicalKey"]
    algorithm = pinned["algorithm"]
    token = (folder / "token").read_text()
    options = {
        "require": ["exp", "iat", "iss", "aud", "sub", "jti"],
        # The times are those of a test, so they are compared below.
        "verify_exp": False,
        "verify_iat": False,
    }
    claims = jwt.decode(
        token,
        pinned["publicKey"]["inline"],
        algorithms=[algorithm],
        issuer=ISSUER,
        audience=AUDIENCE,
        options=options,
    )
    header = jwt.get_unverified_header(token)
    assert header == {"alg": algorithm, "typ": TOKEN_TYPE, "kid": pinned["kid"]}, header
    assert claims["sub"] == SUBJECT
    assert claims["iat"] == ISSUED_AT < claims["exp"]
    assert claims["cnf"]["x5t#S256"] == b64(hashlib.sha256(der_of(leaf)).digest())
    head, payload, signature = token.split(".")
    changed = f"{head}.{b64(unb64(payload) + b' ')}.{signature}"
    try:
        jwt.decode(changed, pinned["publicKey"]["inline"], algorithms=[algorithm], options=options)
    except jwt.InvalidSignatureError:
        return
    raise AssertionError("PyJWT accepts a changed payload")


def check_detached(folder, authority):
    pinned = authority["alternativeKey"]
    key = serialization.load_pem_public_key(pinned["publicKey"]["inline"].encode())
    token = (folder / "token").read_text()
    head, signature = (folder / "signature").read_text().split("..")
    expected = {"alg": pinned["algorithm"], "typ": SIGNATURE_TYPE, "kid": pinned["kid"]}
    assert json.loads(unb64(head)) == expected
    holds_only_unchanged(key, unb64(signature), signing_input(head, token))


def holds_only_unchanged(key, signature, message):
    key.verify(signature, message)
    for wrong in ((signature, message + b"\0"), (signature[:-1] + bytes([signature[-1] ^ 1]), message)):
        try:
            key.verify(*wrong)
        except InvalidSignature:
            continue
        raise AssertionError("a changed message or signature holds")


# --- what others make ------------------------------------------------------------------------


def make_all(folder):
    good = {"certificate": "hybrid", "token": "hybrid"}
    for algorithm, classical, bits in (
        ("ML-DSA-65", "PS256", 3072),
        ("ML-DSA-87", "RS256", 2048),
        ("ML-DSA-44", "RS256", 4096),
    ):
        maker = Maker(algorithm, classical, bits)
        name = f"{algorithm}-{classical}".lower()
        maker.write(folder / name, maker.leaf(), good)
    for curve, hashed in ((ec.SECP256R1(), hashes.SHA256()), (ec.SECP384R1(), hashes.SHA384())):
        maker = Maker("ML-DSA-65", "PS256", 2048, ec.generate_private_key(curve), hashed)
        maker.write(folder / f"{curve.name}-authority", maker.leaf(), good)
        for name, kind in PRIVATE_KEYS.items():
            # Below ML-DSA-65 a key proves too little for the policy's usual level.
            proven = {**good, "certificate": "hybrid" if name == "ML-DSA-44" else "hybridProven"}
            leaf = maker.leaf(own=kind.generate())
            maker.write(folder / f"{curve.name}-authority-{name}-leaf".lower(), leaf, proven)
    maker = Maker("ML-DSA-65", "PS256", 2048)
    both = {"certificate": "HybridSignatureInvalid", "token": "HybridSignatureInvalid"}
    maker.write(folder / "with-a-context", maker.leaf(context=b"x"), both, context=b"x")
    stranger = PRIVATE_KEYS["ML-DSA-65"].generate()
    maker.write(folder / "by-another-key", maker.leaf(key=stranger), both, key=stranger)
    stripped = {"certificate": "HybridSignatureMissing", "token": "BindingMismatch"}
    maker.write(folder / "stripped", maker.leaf(strip=True), stripped, bound_to=maker.leaf())


class Maker:
    """An authority for certificates and tokens that knows nothing of Sallyport's code."""

    def __init__(self, algorithm, classical, bits, key=None, hashed=None):
        self.algorithm = algorithm
        self.classical = classical
        self.key = key or rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self.hashed = hashed or hashes.SHA256()
        self.alternative = PRIVATE_KEYS[algorithm].generate()
        self.token_rsa = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self.token_alternative = PRIVATE_KEYS[algorithm].generate()
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"others {algorithm}")])
        self.key_id = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.ca = (
            self.builder(self.name, self.key.public_key())
            .add_extension(x509.BasicConstraints(True, 0), True)
            .add_extension(usage, True)
            .add_extension(self.key_id, False)
            .sign(self.key, self.hashed)
        )

    def builder(self, subject, public_key):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.datetime.fromtimestamp(ISSUED_AT, datetime.timezone.utc))
            .not_valid_after(datetime.datetime.fromtimestamp(END, datetime.timezone.utc))
        )

    def leaf(self, context=None, key=None, strip=False, own=None):
        """Two passes: the second adds extension 74 to what the first gave ML-DSA to sign."""
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        own = own or ec.generate_private_key(ec.SECP256R1())
        algorithm = core.ObjectIdentifier(IDENTIFIERS[self.algorithm]).dump()
        algorithm = b"\x30" + bytes([len(algorithm)]) + algorithm
        first = (
            self.builder(x509.Name([]), own.public_key())
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(SUBJECT)]), True
            )
            .add_extension(usage, True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self.key_id), False
            )
            .add_extension(unrecognized(ALTERNATIVE_ALGORITHM, algorithm), False)
        )
        draft = first.sign(self.key, self.hashed).public_bytes(serialization.Encoding.DER)
        if strip:
            return draft
        message = pre_tbs(asn1.Certificate.load(draft, strict=True))
        signature = (key or self.alternative).sign(message, context)
        value = core.OctetBitString(signature).dump()
        whole = first.add_extension(unrecognized(ALTERNATIVE_SIGNATURE, value), False)
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        is_pss = self.classical == "PS256" and isinstance(self.key, rsa.RSAPrivateKey)
        signed = whole.sign(self.key, self.hashed, rsa_padding=pss if is_pss else None)
        return signed.public_bytes(serialization.Encoding.DER)

    def token(self, leaf, context=None, key=None):
        claims = {
            "iss": ISSUER,
            "sub": SUBJECT,
            "aud": [AUDIENCE],
            "iat": ISSUED_AT,
            "exp": ISSUED_AT + 300,
            "jti": "made-by-others",
            "cnf": {"x5t#S256": b64(hashlib.sha256(leaf).digest())},
        }
        header = {"typ": TOKEN_TYPE, "kid": "others-rsa"}
        token = jwt.encode(claims, self.token_rsa, algorithm=self.classical, headers=header)
        head = {"kid": "others-pq", "alg": self.algorithm, "typ": SIGNATURE_TYPE}
        head = b64(json.dumps(head).encode())
        message = signing_input(head, token)
        signature = (key or self.token_alternative).sign(message, context)
        return token, f"{head}..{b64(signature)}"

    def write(self, folder, leaf, expected, bound_to=None, **signing):
        token, signature = self.token(bound_to or leaf, **signing)
        authorities = {
            "certificates": [
                {
                    "name": "others",
                    "trustDomain": "cluster.local",
                    "caCertificate": inline(self.ca.public_bytes(serialization.Encoding.PEM)),
                    "alternativeKey": {
                        "algorithm": self.algorithm,
                        "publicKey": public(self.alternative),
                    },
                }
            ],
            "tokens": [
                {
                    "name": "others-tokens",
                    "trustDomain": "cluster.local",
                    "issuer": ISSUER,
                    "audience": AUDIENCE,
                    "classicalKey": {
                        "kid": "others-rsa",
                        "algorithm": self.classical,
                        "publicKey": public(self.token_rsa),
                    },
                    "alternativeKey": {
                        "kid": "others-pq",
                        "algorithm": self.algorithm,
                        "publicKey": public(self.token_alternative),
                    },
                }
            ],
        }
        folder.mkdir(parents=True)
        pem = x509.load_der_x509_certificate(leaf).public_bytes(serialization.Encoding.PEM)
        (folder / "authorities.json").write_text(json.dumps(authorities, indent=2))
        (folder / "leaf.pem").write_bytes(pem)
        (folder / "token").write_text(token)
        (folder / "signature").write_text(signature)
        (folder / "expected.json").write_text(json.dumps(expected))


# --- standards -------------------------------------------------------------------------------


def pre_tbs(certificate):
    """TBSCertificate without `signature` and without extension 74; its lengths are made again."""
    tbs = certificate["tbs_certificate"]
    extensions = b"".join(
        extension.dump()
        for extension in tbs["extensions"]
        if extension["extn_id"].dotted != ALTERNATIVE_SIGNATURE
    )
    fields = ["version", "serial_number", "issuer", "validity", "subject"]
    parts = [tbs[field].dump() for field in [*fields, "subject_public_key_info"]]
    parts.append(element(0xA3, element(0x30, extensions)))
    return element(0x30, b"".join(parts))


def signing_input(head, token):
    return f"{head}.{b64(token.encode())}".encode()


def ml_dsa_name(public_key):
    """The name of the algorithm of an ML-DSA key; none of another key."""
    return next((name for name, kind in PUBLIC_KEYS.items() if isinstance(public_key, kind)), None)


def openssl_version():
    text = subprocess.run(["openssl", "version"], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in re.search(r"(\d+)\.(\d+)", text).groups())


def element(tag, contents):
    length = len(contents)
    if length < 0x80:
        return bytes([tag, length]) + contents
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + contents


def unrecognized(identifier, value):
    return x509.UnrecognizedExtension(ObjectIdentifier(identifier), value)


def public(private_key):
    return inline(
        private_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def inline(pem):
    return {"inline": pem.decode()}


def der_of(pem):
    return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


if __name__ == "__main__":
    main(*sys.argv[1:3])
