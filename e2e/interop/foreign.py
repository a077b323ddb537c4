"""`sallyport cred verify` on what other software signed; scripts/interop runs it.

    foreign.py SALLYPORT FOLDER

Makes certificates with an alternative signature (X.509 of 10/2019) of all shapes, and JWSs of
RFC 9964, with pyca/cryptography and asn1crypto only, and compares each verdict of the command with
the one that the making gives. The shapes are those that certificates of authorities in the field
have: critical extensions, an alternative key in the issuer's certificate, no SPIFFE ID, expired.
"""

import datetime
import json
import pathlib
import subprocess
import sys

from asn1crypto import core
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

from interop import b64, element, pre_tbs

KEY, ALGORITHM, VALUE = "2.5.29.72", "2.5.29.73", "2.5.29.74"
LEVELS = {
    "ML-DSA-44": (mldsa.MLDSA44PrivateKey, "2.16.840.1.101.3.4.3.17"),
    "ML-DSA-65": (mldsa.MLDSA65PrivateKey, "2.16.840.1.101.3.4.3.18"),
    "ML-DSA-87": (mldsa.MLDSA87PrivateKey, "2.16.840.1.101.3.4.3.19"),
}
HYBRID = ("verified", "verified", "hybrid")


def main(command, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    judge = Judge(command, folder)
    certificates(judge)
    signatures(judge)
    if judge.wrong:
        raise SystemExit("\n".join(judge.wrong))
    print(f"{judge.count} verdicts about certificates and JWSs of others are right")


class Judge:
    def __init__(self, command, folder):
        self.command, self.folder = command, folder
        self.count, self.wrong = 0, []

    def run(self, *arguments):
        command = [self.command, "cred", "verify", "--output", "json", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=self.folder)

    def certificate(self, name, leaf, issuer, expected, *more):
        (self.folder / "leaf").write_bytes(leaf)
        (self.folder / "issuer").write_bytes(issuer)
        found = self.run("--certificate", "leaf", "--issuer", "issuer", *more)
        self.compare(name, found, expected, ("classical", "alternative"))

    def jws(self, name, jws, key, expected, payload=None):
        (self.folder / "jws").write_text(jws)
        (self.folder / "jwk").write_text(json.dumps(key))
        more = []
        if payload is not None:
            (self.folder / "payload").write_bytes(payload)
            more = ["--payload", "payload"]
        self.compare(name, self.run("--jws", "jws", "--key", "jwk", *more), expected, ())

    def compare(self, name, output, expected, halves):
        self.count += 1
        if output.stdout:
            report = json.loads(output.stdout)
            found = tuple(report[half]["result"] for half in halves)
            found += (report["assurance" if halves else "result"],)
        else:
            found = (json.loads(output.stderr)["code"],)
        holds = not {"failed", "unsupported"} & set(found) and bool(output.stdout)
        if found != expected or (output.returncode == 0) != holds:
            self.wrong.append(f"{name}: {found}, exit {output.returncode}; expected {expected}")


class Authority:
    """An authority that states its ML-DSA key in extension 72 and signs with both keys."""

    def __init__(self, key, level, digest=hashes.SHA256(), critical=False, pss=False, bare=False):
        self.key, self.level, self.digest = key, level, digest
        self.critical, self.pss = critical, pss
        self.alternative = LEVELS[level][0].generate()
        self.name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"foreign {level}"),
            ]
        )
        extensions = [
            (x509.BasicConstraints(True, None), True),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        ]
        if not bare:
            extensions.append((extension(KEY, self.spki()), critical))
        self.ca = self.sign(key.public_key(), extensions, subject=self.name)

    def spki(self):
        return self.alternative.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def leaf(self, **more):
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        return self.sign(key, [(identifier, False)], **more)

    def sign(self, key, extensions, subject=None, days=30, change=None, by=None, context=None):
        """Two passes. `change` edits the extensions of the second one, `by` gives the ML-DSA key."""
        algorithm = element(0x30, core.ObjectIdentifier(LEVELS[self.level][1]).dump())
        extensions = [*extensions, (extension(ALGORITHM, algorithm), self.critical)]
        now = datetime.datetime.now(datetime.timezone.utc)
        start = now - datetime.timedelta(days=60)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject or x509.Name([]))
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(now + datetime.timedelta(days=days))
        )
        draft = self.finish(builder, extensions)
        message = pre_tbs(asn1.Certificate.load(draft, strict=True))
        signature = (by or self.alternative).sign(message, context)
        value = (extension(VALUE, core.OctetBitString(signature).dump()), self.critical)
        extensions = [*extensions, value]
        return self.finish(builder, change(extensions) if change else extensions)

    def finish(self, builder, extensions):
        for value, critical in extensions:
            builder = builder.add_extension(value, critical)
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            certificate = builder.sign(self.key, None)
        elif self.pss:
            pss = padding.PSS(padding.MGF1(self.digest), padding.PSS.DIGEST_LENGTH)
            certificate = builder.sign(self.key, self.digest, rsa_padding=pss)
        else:
            certificate = builder.sign(self.key, self.digest)
        return certificate.public_bytes(serialization.Encoding.DER)


def certificates(judge):
    keys = {
        "rsa": rsa.generate_private_key(public_exponent=65537, key_size=3072),
        "p256": ec.generate_private_key(ec.SECP256R1()),
        "p384": ec.generate_private_key(ec.SECP384R1()),
    }
    digests = [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()]
    for level, digest in zip(LEVELS, digests):
        for name, key in keys.items():
            for critical in (False, True):
                authority = Authority(key, level, digest, critical)
                label = f"{name} {digest.name} {level} critical={critical}"
                judge.certificate(label, authority.leaf(), authority.ca, HYBRID)
                judge.certificate(f"{label}, itself", authority.ca, authority.ca, HYBRID)
    pss = Authority(keys["rsa"], "ML-DSA-65", hashes.SHA384(), pss=True)
    judge.certificate("PSS", pss.leaf(), pss.ca, HYBRID)
    odd_cases(judge, keys)


def odd_cases(judge, keys):
    one = Authority(keys["rsa"], "ML-DSA-65")
    other = Authority(keys["p384"], "ML-DSA-65")
    broken = ("verified", "failed", "none")
    judge.certificate("expired", one.leaf(days=-1), one.ca, HYBRID)
    judge.certificate("context", one.leaf(context=b"x"), one.ca, broken)
    judge.certificate("alternative half of another", one.leaf(by=other.alternative), one.ca, broken)
    judge.certificate("both halves of another", other.leaf(), one.ca, ("failed", "failed", "none"))
    judge.certificate("without 74", one.leaf(change=lambda all: all[:-1]), one.ca, broken)
    without_both = one.leaf(change=lambda all: all[:-2])
    judge.certificate("without 73, 74", without_both, one.ca, ("verified", "absent", "classical"))
    moved = one.leaf(change=lambda all: all[-1:] + all[:-1])
    judge.certificate("74 in front", moved, one.ca, HYBRID)
    reordered = one.leaf(change=lambda all: [all[1], all[0], all[2]])
    judge.certificate("others moved", reordered, one.ca, broken)
    judge.certificate("trailing", one.leaf() + b"\0", one.ca, ("certificate_invalid",))

    bare = Authority(keys["p256"], "ML-DSA-87", bare=True)
    judge.certificate("no key known", bare.leaf(), bare.ca, broken)
    (judge.folder / "key").write_bytes(bare.spki())
    judge.certificate("key given as DER", bare.leaf(), bare.ca, HYBRID, "--alternative-key", "key")
    (judge.folder / "key").write_text(json.dumps(akp(bare.alternative, "ML-DSA-87")))
    judge.certificate("key given as JWK", bare.leaf(), bare.ca, HYBRID, "--alternative-key", "key")

    strange = Authority(ed25519.Ed25519PrivateKey.generate(), "ML-DSA-65")
    unsupported = ("unsupported", "verified", "none")
    judge.certificate("Ed25519", strange.leaf(), strange.ca, unsupported)
    large = Authority(ec.generate_private_key(ec.SECP521R1()), "ML-DSA-65", hashes.SHA512())
    judge.certificate("P-521", large.leaf(), large.ca, unsupported)


def signatures(judge):
    for level, (kind, _) in LEVELS.items():
        private = kind.generate()
        key = akp(private, level)
        for payload in (b"It's a dangerous business", b"\x00\xff" * 500):
            header = b64(json.dumps({"alg": level, "kid": "1"}).encode())
            signature = b64(private.sign(f"{header}.{b64(payload)}".encode()))
            attached = f"{header}.{b64(payload)}.{signature}"
            judge.jws(level, attached, key, ("verified",))
            judge.jws("a set", attached, {"keys": [{**key, "kid": "1"}]}, ("verified",))
            detached = f"{header}..{signature}"
            judge.jws("detached", detached, key, ("verified",), payload)
            judge.jws("another payload", detached, key, ("failed",), payload + b" ")
            stranger = akp(kind.generate(), level)
            judge.jws("another key", attached, stranger, ("failed",))
        other = "ML-DSA-87" if level != "ML-DSA-87" else "ML-DSA-65"
        header = b64(json.dumps({"alg": other}).encode())
        signature = b64(private.sign(f"{header}.eA".encode()))
        judge.jws("another alg", f"{header}.eA.{signature}", key, ("failed",))
        private_jwk = {**key, "priv": b64(bytes(32))}
        judge.jws("a private key", attached, private_jwk, ("jwk_invalid",))


def akp(private, level):
    public = private.public_key().public_bytes_raw()
    return {"kty": "AKP", "alg": level, "pub": b64(public)}


def extension(identifier, value):
    return x509.UnrecognizedExtension(ObjectIdentifier(identifier), value)


if __name__ == "__main__":
    main(*sys.argv[1:3])
