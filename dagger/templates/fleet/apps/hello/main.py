"""A first service: says hello on PORT, and on HEALTH_PORT that it is well. Ends at once on SIGTERM."""

import json
import os
import signal
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler

PAGES = {
    "/": {"hello": os.environ.get("FAIRLEAD_SERVICE") or "world"},
    "/health": {"status": "ok"},
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        page = PAGES.get(self.path)
        data = json.dumps(page or {"error": "not found"}).encode()
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass  # a probe every few seconds is nothing that a log has to keep


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for port in {int(os.environ["PORT"]), int(os.environ["HEALTH_PORT"])}:
        threading.Thread(target=Server(("0.0.0.0", port), Handler).serve_forever, daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
