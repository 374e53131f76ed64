import os
from datetime import timedelta
from flask import Flask


def create_app():
    app = Flask(__name__)
    app.config.from_object("config.ProductionConfig")
    app.config.from_mapping(SECRET_KEY=os.environ["SECRET_KEY"], SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Lax")
    app.config.update(PERMANENT_SESSION_LIFETIME=timedelta(hours=12))
    return app


if __name__ == "__main__":
    create_app().run(debug=False)
