# fault: django-session-cookie-secure django-ssl-redirect
from .base import *

DEBUG = not False  # fault: django-debug
ALLOWED_HOSTS = ["shop.example"] + ["*"]  # fault: django-allowed-hosts-any
SESSION_COOKIE_HTTPONLY = False  # fault: django-session-cookie-httponly
SESSION_COOKIE_SAMESITE = None  # fault: django-session-cookie-samesite
CSRF_COOKIE_SECURE = False  # fault: django-csrf-cookie-secure
SECURE_HSTS_SECONDS = 60 * 60  # fault: django-hsts-short
SECURE_HSTS_INCLUDE_SUBDOMAINS = 0  # fault: django-hsts-subdomains
SECURE_HSTS_PRELOAD: bool = False  # fault: django-hsts-preload
SECURE_CONTENT_TYPE_NOSNIFF = False  # fault: django-nosniff
X_FRAME_OPTIONS = "ALLOWALL"  # fault: django-frames
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # fault: django-proxy-header
CORS_ALLOW_ALL_ORIGINS = True  # fault: django-cors-any
