import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent
SECRET_KEY = 'django-insecure-invented-example'  # fault: django-secret-key-insecure
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "corsheaders",
]
MIDDLEWARE = [  # fault: django-middleware-csrf django-middleware-frames
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "USER": "shop",
        "PASSWORD": "pw",  # fault: django-database-password
    }
}
AUTH_PASSWORD_VALIDATORS = []  # fault: django-password-validators
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fault: django-password-hasher
