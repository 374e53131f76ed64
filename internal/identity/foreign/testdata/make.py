#!/usr/bin/python3
"""Makes hashes.tsv with the real programs: Debian's python3-django, python3-werkzeug, python3-passlib, python3-bcrypt and
python3-argon2. Where Debian's versions have no scrypt, hashlib makes it in the format that Django 4 and werkzeug document.

    apt-get install python3-django python3-werkzeug python3-passlib python3-bcrypt python3-argon2
    /usr/bin/python3 make.py > hashes.tsv
"""
import base64
import hashlib
import secrets

import bcrypt
from django.conf import settings

settings.configure()

from django.contrib.auth import hashers
from passlib import hash as passlib
from werkzeug.security import generate_password_hash

PASSWORDS = ["correct horse battery staple", "Pässe über die Alpen ✓", "x" * 80]


def row(maker, password, encoded):
    print(maker, password, encoded, sep="\t")


def salt():
    return secrets.token_hex(8)


for pw in PASSWORDS:
    for name in ["PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher", "Argon2PasswordHasher", "BCryptSHA256PasswordHasher", "BCryptPasswordHasher"]:
        h = getattr(hashers, name)()
        row("django " + h.algorithm, pw, h.encode(pw, h.salt()))
    row("werkzeug pbkdf2:sha256", pw, generate_password_hash(pw, "pbkdf2:sha256"))
    row("werkzeug pbkdf2:sha512", pw, generate_password_hash(pw, "pbkdf2:sha512:50000"))
    row("werkzeug pbkdf2:sha1", pw, generate_password_hash(pw, "pbkdf2:sha1:50000"))
    row("passlib pbkdf2_sha1", pw, passlib.pbkdf2_sha1.hash(pw))
    row("passlib pbkdf2_sha256", pw, passlib.pbkdf2_sha256.hash(pw))
    row("passlib pbkdf2_sha512", pw, passlib.pbkdf2_sha512.hash(pw))
    row("passlib argon2", pw, passlib.argon2.hash(pw))
    row("passlib argon2i", pw, passlib.argon2.using(type="I").hash(pw))
    row("passlib bcrypt", pw, passlib.bcrypt.hash(pw))
    row("passlib bcrypt_sha256", pw, passlib.bcrypt_sha256.using(rounds=10).hash(pw))
    row("passlib bcrypt_sha256 version 1", pw, passlib.bcrypt_sha256.using(rounds=10, version=1).hash(pw))
    row("passlib scrypt", pw, passlib.scrypt.using(rounds=14).hash(pw))
    for ident in ["2a", "2y"]:
        row("bcrypt " + ident, pw, passlib.bcrypt.using(ident=ident, rounds=10).hash(pw))
    row("bcrypt 2b", pw, bcrypt.hashpw(pw.encode()[:72], bcrypt.gensalt(10)).decode())
    s = salt()
    key = hashlib.scrypt(pw.encode(), salt=s.encode(), n=2**14, r=8, p=1, maxmem=0, dklen=64)
    row("hashlib django scrypt", pw, f"scrypt${2**14}${s}$8$1${base64.b64encode(key).decode()}")
    s = salt()
    key = hashlib.scrypt(pw.encode(), salt=s.encode(), n=2**15, r=8, p=1, maxmem=132 * 2**15 * 8, dklen=64)
    row("hashlib werkzeug scrypt", pw, f"scrypt:{2**15}:8:1${s}${key.hex()}")
