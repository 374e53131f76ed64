class Config:
    DEBUG = False


class ProductionConfig(Config):
    TESTING = False


class DevelopmentConfig(Config):
    DEBUG = True
    SECRET_KEY = "dev"
