"""The least that answers with an item: Chalice, a botocore client, one get_item."""

from __future__ import annotations

from typing import Any

import botocore.session
from chalice.app import Chalice

app = Chalice(app_name="bare")
client: Any = botocore.session.get_session().create_client("dynamodb")


@app.route("/books/{book_id}", methods=["GET"])
def read_book(book_id: str) -> Any:
    return client.get_item(TableName="books", Key={"pk": {"S": "books"}, "sk": {"S": book_id}})["Item"]
