"""A server on loopback that speaks SOAP like VIES."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><env:Envelope'
    ' xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body>{}</env:Body>'
    "</env:Envelope>"
)
REPLY = (
    '<ns2:checkVatApproxResponse xmlns:ns2="urn:ec.europa.eu:taxud:vies:services:'
    'checkVat:types"><ns2:countryCode>{country}</ns2:countryCode>'
    "<ns2:vatNumber>{number}</ns2:vatNumber>"
    "<ns2:requestDate>2026-11-22+01:00</ns2:requestDate><ns2:valid>{valid}</ns2:valid>"
    "<ns2:traderName>{name}</ns2:traderName>"
    "<ns2:traderCompanyType>---</ns2:traderCompanyType>"
    "<ns2:traderAddress>{address}</ns2:traderAddress>"
    "<ns2:requestIdentifier>{identifier}</ns2:requestIdentifier>"
    "</ns2:checkVatApproxResponse>"
)
FAULT = (
    "<env:Fault><faultcode>env:Server</faultcode>"
    "<faultstring>{}</faultstring></env:Fault>"
)


class ViesServer:
    """Answers from ``answers``: by number a dictionary, the text of a fault, or the
    bytes to send as they are. ``asked`` are the fields of each request."""

    def __init__(self):
        self.answers, self.asked = {}, []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                server._answer(self, self.rfile.read(length).decode())

            def log_message(self, *args):
                """Keep the log of the tests clean."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._http.server_port}/vies"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()

    def _answer(self, handler, body):
        fields = dict(re.findall(r"<(?:\w+:)?(\w+)>([^<]*)</", body))
        self.asked.append(fields)
        country, number = fields["countryCode"], fields["vatNumber"]
        answer = self.answers.get(country + number, "MS_UNAVAILABLE")
        if isinstance(answer, bytes):
            self._send(handler, 200, answer)
        elif isinstance(answer, str):
            self._send(handler, 500, ENVELOPE.format(FAULT.format(answer)).encode())
        else:
            reply = {
                "country": country,
                "number": number,
                "valid": "true",
                "name": "---",
                "address": "---",
                "identifier": "WAPIAAAAX" if "requesterVatNumber" in fields else "",
                **answer,
            }
            self._send(handler, 200, ENVELOPE.format(REPLY.format(**reply)).encode())

    def _send(self, handler, status, body):
        handler.send_response(status)
        handler.send_header("Content-Type", "text/xml; charset=UTF-8")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
