"""A small Flask application, as somebody would bring it along."""

import os

from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/")
def hello():
    return f"{os.environ.get('GREETING', 'Hello')} from Flask\n"


@app.post("/sum")
def add():
    return jsonify(sum=sum(request.get_json()))


not_callable = "a text"
