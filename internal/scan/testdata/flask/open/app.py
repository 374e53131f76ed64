from datetime import timedelta
from flask import Flask
from config import ProductionConfig


def create_app():
    app = Flask(__name__)  # fault: flask-session-cookie-samesite
    app.config.from_object(ProductionConfig)
    app.config["WTF_CSRF_ENABLED"] = False  # fault: flask-csrf
    app.config.from_mapping(
        SECRET_KEY="invented",  # fault: flask-secret-key
        SESSION_COOKIE_SECURE=False,  # fault: flask-session-cookie-secure
    )
    app.config.update({
        "PERMANENT_SESSION_LIFETIME": timedelta(days=365),  # fault: flask-session-lifetime
    })
    return app


if __name__ == "__main__":
    create_app().run(debug=True)  # fault: flask-run-debug
