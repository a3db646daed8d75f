"""moto's server, and one `100 Continue` to a request that expects one.

Werkzeug's sends a second of its own, which the SDK's asynchronous client (hadoop-aws uploads files by it) takes for the
request's answer: it fails, and tries again for minutes. Amazon's S3 sends one.
"""

from moto.server import main
from werkzeug.serving import WSGIRequestHandler

if __name__ == "__main__":
    WSGIRequestHandler.handle_expect_100 = lambda _request: True  # http.server's; that of Werkzeug stays
    main()
