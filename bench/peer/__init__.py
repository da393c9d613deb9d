"""The same service as somebody would write it by hand, with Chalice and boto3, for one kind of record."""
