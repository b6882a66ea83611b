"""Hook0's REST API under /api/v1, so that its SDKs work unchanged: each route is a row that names an operation.

edge.py     serves the rows: reads the request, runs the operation through the pipeline, shapes the answer
table.py    every row there is
route.py    what a row says
asked.py    a request as the rows read it; fields.py: the members of a JSON object, by type
times.py    moments as texts
openapi.py  the OpenAPI document of the rows; shapes/: what they take and answer; page.py: the document to read
the others  rows by what they are about
"""
