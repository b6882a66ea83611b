"""What the routes take and answer, as JSON Schema: each row carries its part, and openapi.py makes the document of them.

kinds.py    what schemas are made of, and what a row says of itself
the others  by what they are about, as the rows are
"""
