# SPDX-License-Identifier: MIT
# xml_server.py PORT: Python's own XML-RPC server, which also answers a SOAP call.
import re
import sys
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

ANSWER = """<?xml version="1.0"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">
<soap:Body><greetResponse xmlns="urn:test"><text>hello %s</text></greetResponse>
</soap:Body></soap:Envelope>
"""


class Handler(SimpleXMLRPCRequestHandler):
    def do_POST(self):
        if self.path != "/soap":
            return super().do_POST()
        length = int(self.headers["Content-Length"])
        request = self.rfile.read(length).decode()
        name = re.search("<name[^>]*>(.*?)</name>", request).group(1)
        answer = (ANSWER % name).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


server = SimpleXMLRPCServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.register_function(pow)
server.register_function(lambda value: value, "echo")
server.serve_forever()
