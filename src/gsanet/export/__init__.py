"""The network as ONNX files. Start reading at :mod:`gsanet.export.graphs`."""
