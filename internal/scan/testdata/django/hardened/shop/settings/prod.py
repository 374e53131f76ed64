from .base import *

DEBUG = os.environ.get("DEBUG", "") == "yes"
ALLOWED_HOSTS = os.environ.get("HOSTS", "").split(",")
if not DEBUG:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
SECURE_SSL_REDIRECT = True
X_FRAME_OPTIONS = "DENY"
CORS_ALLOWED_ORIGINS = ["https://shop.example"]

try:
    from .local import *
except ImportError:
    pass
