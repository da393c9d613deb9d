"""The data-access layer: models, conditions, updates, queries and transactions on DynamoDB.

The only place that knows DynamoDB's wire. Typical use::

    class Book(Model, table=main):
        shelf: Attr[str] = field(name="pk")
        isbn: Attr[str] = field(name="sk")
        stock: Attr[int] = field(default=0)

    Book(shelf="A", isbn="1").put(when=Book.isbn.missing())
    Book.update(shelf="A", isbn="1").set(Book.stock, Book.stock.plus(-1)).when(Book.stock >= 1).run()
    for book in Book.query(shelf="A").limit(20).run().items: ...

``session`` is the one module that touches botocore.
"""
