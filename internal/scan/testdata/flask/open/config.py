class Config:
    DEBUG = False
    SESSION_COOKIE_HTTPONLY = False  # fault: flask-session-cookie-httponly


class ProductionConfig(Config):
    DEBUG = True  # fault: flask-debug
    TESTING = True  # fault: flask-testing


class DevelopmentConfig(Config):
    DEBUG = True
    SECRET_KEY = "dev"
