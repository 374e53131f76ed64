#!/usr/bin/python3
"""Makes dump.json and dump.csv with Debian's python3-django 3.2: a database of invented people, written by dumpdata and as a table.

    apt-get install python3-django python3-argon2 python3-bcrypt
    /usr/bin/python3 dump.py
"""
import csv
import tempfile

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": tempfile.mktemp()}},
    PASSWORD_HASHERS=["django.contrib.auth.hashers." + h for h in ["PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher", "Argon2PasswordHasher",
                                                                   "BCryptSHA256PasswordHasher", "UnsaltedMD5PasswordHasher"]],
)
django.setup()

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.core.management import call_command

call_command("migrate", verbosity=0)
editors, staff = Group.objects.create(name="editors"), Group.objects.create(name="staff")


def person(username, email, hasher="default", groups=(), **more):
    user = User(username=username, email=email, **more)
    user.password = make_password(None if hasher is None else f"old password of {username}", hasher=hasher or "default")
    user.save()
    user.groups.set(groups)


person("mia", "Mia@Clinic.Example", first_name="Mia", last_name="Øster", groups=[editors])
person("noor", "noor@clinic.example", "argon2", first_name="Noor", last_name="Haddad", groups=[editors, staff])
person("tom", "tom@clinic.example", "bcrypt_sha256", is_active=False)
person("root", "root@clinic.example", "pbkdf2_sha1", is_staff=True, is_superuser=True)
person("sso", "sso@clinic.example", None)
person("dora@clinic.example", "")
person("nomail", "")
person("twin", "Twin@clinic.example")
person("twin2", "twin@clinic.example")
person("old", "old@clinic.example", "unsalted_md5")

call_command("dumpdata", "auth.group", "auth.user", output="dump.json", verbosity=0)
with open("dump.csv", "w", newline="") as f:
    columns = ["id", "username", "email", "password", "first_name", "last_name", "is_active", "is_superuser", "last_login"]
    rows = csv.writer(f)
    rows.writerow(columns)
    rows.writerows(User.objects.order_by("id").values_list(*columns))
