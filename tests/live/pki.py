"""A private authority, and certificates of it, made anew by each test."""
import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KINDS = {"ec": lambda: ec.generate_private_key(ec.SECP256R1()),
         "rsa": lambda: rsa.generate_private_key(65537, 2048),
         "rsa1024": lambda: rsa.generate_private_key(65537, 1024)}


def write_key(key, path, passphrase=None):
    seal = (serialization.BestAvailableEncryption(passphrase) if passphrase
            else serialization.NoEncryption())
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                       serialization.PrivateFormat.PKCS8, seal))
    return path


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    def __init__(self, folder, name="test authority"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.key, self.name = KINDS["ec"](), named(name)
        self.ca = folder / f"{name.replace(' ', '-')}.pem"
        self.ca.write_bytes(self.sign(self.name, self.key.public_key(), days=(-1, 30),
                                      authority=True).public_bytes(
                                          serialization.Encoding.PEM))

    def sign(self, subject, public_key, days, authority=False, use=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
                   .public_key(public_key).serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=days[0]))
                   .not_valid_after(now + datetime.timedelta(days=days[1]))
                   .add_extension(x509.BasicConstraints(authority, None), critical=True))
        if use:
            builder = (builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
                       .add_extension(x509.SubjectAlternativeName(
                           [x509.DNSName("localhost"),
                            x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
                                      critical=False))
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name="server", kind="ec", days=(-1, 30), client=False, key=None,
              passphrase=None):
        """(certificate file, key file), replaced whole when they are there."""
        key = key or KINDS[kind]()
        use = ExtendedKeyUsageOID.CLIENT_AUTH if client \
            else ExtendedKeyUsageOID.SERVER_AUTH
        cert = self.sign(named(name), key.public_key(), days, use=use)
        path = self.folder / f"{name}.pem"
        path.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        return path, write_key(key, self.folder / f"{name}.key", passphrase)
