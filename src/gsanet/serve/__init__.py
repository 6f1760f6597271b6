"""A page and a REST service around the engine. Start reading at :mod:`gsanet.serve.service`."""
